/* SPDX-License-Identifier: Apache-2.0 */
/* When a job's commands begin and end; see systole_time.h. */
#include "systole_time.h"
#include "systole_internal.h"
#include "systole_plan.h"

/* What is assumed of the memory (docs/memory_model.md): latency in cycles, bytes a cycle (log2). */
#define MEMORY_LATENCY 40u
#define MEMORY_BYTES_LOG2 4u

/* Latencies of the machine, in cycles (docs/architecture.md and the RTL). */
#define FETCH 46u      /* from the doorbell, or a free place, to a record's last beat */
#define DISPATCH 3u    /* from there to the engine's queue */
#define ISSUE 3u       /* from a LOAD's begin to its first address */
#define READ 44u       /* from an address to the first word in its buffer */
#define PUSHED 1u      /* from the last weight to the tile's start */
#define STORE_ISSUE 4u /* from a STORE's begin to its first accumulator read */
#define WRITE 14u      /* from an accumulator read to its beat */
#define RETIRE 4u      /* from the last write response to the interrupt */
#define BURST_BEATS 256u
#define READ_TURN 3u /* cycles beyond latency and beats until a read burst's place is free again */
#define WRITE_TURN 3u

enum {
    ENGINE_LOAD,
    ENGINE_COMPUTE,
    ENGINE_STORE
};

static uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint32_t max_u32(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

static void clear_tokens(systole_time_tokens_t *tokens)
{
    tokens->first = 0;
    tokens->count = 0;
}

static void give_token(systole_time_tokens_t *tokens, uint64_t at)
{
    tokens->at[(tokens->first + tokens->count) & (SYSTOLE_TIME_RING - 1u)] = at;
    if (tokens->count < SYSTOLE_TIME_RING) ++tokens->count;
}

static uint64_t take_token(systole_time_tokens_t *tokens)
{
    const uint64_t at = tokens->at[tokens->first];
    if (tokens->count == 0u) return 0;
    tokens->first = (tokens->first + 1u) & (SYSTOLE_TIME_RING - 1u);
    --tokens->count;
    return at;
}

void systole_time_begin(systole_time_t *time, const systole_capabilities_t *caps, uint32_t out_log2)
{
    const uint32_t rows = (uint32_t)1u << caps->rows_log2, cols = (uint32_t)1u << caps->cols_log2;
    const uint32_t pipe = caps->fp ? 2u : 0u;
    uint32_t i, e;

    time->depth = caps->element_latency * rows + 3u;
    time->cols_log2 = caps->cols_log2;
    time->skew = max_u32(caps->element_latency * (rows - 1u), pipe + cols - 1u);
    time->drain = pipe + caps->element_latency * rows + cols + 3u;
    time->lanes_log2 = caps->epilogue_lanes_log2;
    time->out_log2 = out_log2;
    time->beat_log2 = caps->axi_bytes_log2;
    time->beat_cycles_log2 = caps->axi_bytes_log2 > MEMORY_BYTES_LOG2 ? caps->axi_bytes_log2 - MEMORY_BYTES_LOG2 : 0u;
    time->max_reads = max_u32(caps->max_reads, 1u);
    time->max_writes = max_u32(caps->max_writes, 1u);
    time->queue_depth = max_u32(min_u32(caps->queue_depth, 6u), 1u);
    time->fetched = 0;
    time->dispatched = 0;
    for (i = 0; i < 8u; ++i) {
        time->asked[i] = 0;
        time->behind[i] = 0;
        for (e = 0; e < 3u; ++e) time->leaves[e][i] = 0;
    }
    time->records = 0;
    for (e = 0; e < 3u; ++e) time->sent[e] = 0;
    time->load_issue = 0;
    time->bus = 0;
    for (i = 0; i < 4u; ++i) {
        time->loads[i].issue = SYSTOLE_SATURATED;
        time->loads[i].end = 0;
        time->loads[i].window = 0;
    }
    time->act_full = 0;
    time->wgt_full = 0;
    time->acc_full = 0;
    time->param_full = 0;
    time->tile_start = 0;
    time->array_free = 0;
    time->step_start = 0;
    time->store_issue = 0;
    time->half_read[0] = 0;
    time->half_read[1] = 0;
    time->store_read = 0;
    time->store_end = 0;
    time->mem_done[0] = 0;
    time->mem_done[1] = 0;
    clear_tokens(&time->act_free);
    clear_tokens(&time->wgt_free);
    time->acc_given = 0;
    time->acc_taken = 0;
}

/* A record of the engine comes to the head of its queue. Returns when, if the queue is empty otherwise. */
static uint64_t dispatch(systole_time_t *time, uint32_t engine)
{
    const uint32_t beats = (SYSTOLE_COMMAND_BYTES >> time->beat_log2) > 0u ? SYSTOLE_COMMAND_BYTES >> time->beat_log2 : 1u;
    const uint32_t cycles = beats << time->beat_cycles_log2;
    const uint32_t places = time->queue_depth + (engine == ENGINE_COMPUTE ? 2u : 0u);
    const uint32_t place = time->records & 7u;
    uint64_t at = max_u64(time->asked[place] + FETCH, time->fetched + cycles);
    uint32_t i;

    /* Its burst stands behind the data that were asked for before, and data asked for later behind it. */
    at = max_u64(at, time->behind[place] + cycles);
    if (time->bus + cycles > at) time->bus += cycles;
    time->fetched = at;
    at = max_u64(at, time->dispatched + 1u);
    if (time->sent[engine] >= places) at = max_u64(at, time->leaves[engine][(time->sent[engine] - places) & 7u]);
    time->dispatched = at;
    time->asked[place] = at;
    time->behind[place] = 0;
    for (i = 0; i < 4u; ++i) {
        if (time->loads[i].issue <= at) {
            const uint64_t ahead = at + time->loads[i].window;
            time->behind[place] = max_u64(time->behind[place], ahead < time->loads[i].end ? ahead : time->loads[i].end);
        }
    }
    ++time->records;
    return at + DISPATCH;
}

static void leave(systole_time_t *time, uint32_t engine, uint64_t at)
{
    time->leaves[engine][time->sent[engine] & 7u] = at;
    ++time->sent[engine];
}

/* Cycles of `rows` segments of `bytes` bytes on the bus, each in bursts of its own, at most `bursts` of them in a turn; *count: bursts
 * in all, *window: cycles that `bursts` of them take. */
static uint64_t transfer(const systole_time_t *time, uint32_t rows, uint32_t bytes, bool dense, bool aligned, uint32_t bursts,
                         uint32_t turn, uint64_t *count, uint64_t *window)
{
    uint64_t beats, cycles;

    if (dense || rows == 1u) {
        beats = systole_shift_right((uint64_t)rows * bytes - 1u, time->beat_log2) + (aligned ? 1u : 2u);
        *count = (beats >> 8) + 1u;
        *window = systole_shift_left(bursts, 8u + time->beat_cycles_log2);
        return systole_shift_left(1, time->beat_cycles_log2) * beats;
    }
    beats = ((bytes - 1u) >> time->beat_log2) + (aligned ? 1u : 2u);
    *count = (uint64_t)rows * ((beats >> 8) + 1u);
    cycles = beats * ((uint32_t)1u << time->beat_cycles_log2);
    if (cycles * bursts < MEMORY_LATENCY + turn + cycles) {
        /* Short bursts: as many as may be open in a turn. */
        const uint64_t groups = rows / bursts, rest = rows - (uint32_t)groups * bursts;
        *window = MEMORY_LATENCY + turn + cycles;
        return groups * (MEMORY_LATENCY + turn + cycles) + rest * cycles;
    }
    *window = cycles * bursts;
    return cycles * rows;
}

void systole_time_load(systole_time_t *time, uint32_t rows, uint32_t bytes, bool dense, bool aligned, uint32_t wait,
                       uint32_t give)
{
    const uint64_t ready = dispatch(time, ENGINE_LOAD);
    uint64_t begin = max_u64(ready, time->load_issue), issue, cycles, count, end, begin_data, window;

    if ((wait & SYSTOLE_TOKEN_ACT_FREE) != 0u) begin = max_u64(begin, take_token(&time->act_free) + 1u);
    if ((wait & SYSTOLE_TOKEN_WGT_FREE) != 0u) begin = max_u64(begin, take_token(&time->wgt_free) + 1u);
    if ((wait & SYSTOLE_TOKEN_MEM_DONE) != 0u) begin = max_u64(begin, time->mem_done[0] + 1u);
    leave(time, ENGINE_LOAD, begin);
    issue = begin + ISSUE;
    cycles = transfer(time, rows, bytes, dense, aligned, time->max_reads, READ_TURN, &count, &window);
    begin_data = max_u64(issue + READ, time->bus);
    end = begin_data + cycles;
    time->bus = end;
    /* All but the last max_reads bursts have arrived when the last one is asked for. */
    time->load_issue = issue + count;
    if (window > cycles) window = cycles;
    if (count > time->max_reads) time->load_issue = max_u64(time->load_issue, end - window > READ ? end - window - READ : 0u);
    time->loads[time->sent[ENGINE_LOAD] & 3u].issue = issue;
    time->loads[time->sent[ENGINE_LOAD] & 3u].end = end;
    time->loads[time->sent[ENGINE_LOAD] & 3u].window = window;
    if ((give & SYSTOLE_TOKEN_ACT_FULL) != 0u) time->act_full = end;
    if ((give & SYSTOLE_TOKEN_WGT_FULL) != 0u) time->wgt_full = end;
    if ((give & SYSTOLE_TOKEN_PARAM_FULL) != 0u) time->param_full = end;
}

/* While the array reads sums of a half, a store from it stands still, and so do those behind it. */
static void hold_store(systole_time_t *time, uint32_t half, uint64_t from, uint64_t to)
{
    uint32_t i;

    if (time->half_read[half] <= from || to <= from) return;
    for (i = time->acc_taken; i != time->acc_given; ++i) {
        if (time->acc_free[i & 3u] > from) time->acc_free[i & 3u] += to - from;
    }
    time->half_read[half] += to - from;
    if (time->half_read[half ^ 1u] > from) time->half_read[half ^ 1u] += to - from;
    time->store_read += to - from;
    time->store_end += to - from;
    time->mem_done[1] += to - from;
}

void systole_time_matmul(systole_time_t *time, uint32_t rows, uint32_t tiles, uint32_t last_columns, uint32_t steps, bool keep,
                         bool again, uint32_t half, uint32_t wait, uint32_t give)
{
    const uint64_t ready = dispatch(time, ENGINE_COMPUTE);
    const uint32_t cols = (uint32_t)1u << time->cols_log2, first_columns = tiles == 1u ? last_columns : cols;
    const uint32_t tile = max_u32(rows, cols), last_tile = max_u32(rows, first_columns);
    uint64_t push = max_u64(ready, time->tile_start), start, step, begin_step, last_start, last_row;

    if ((wait & SYSTOLE_TOKEN_WGT_FULL) != 0u) push = max_u64(push, time->wgt_full + 1u);
    leave(time, ENGINE_COMPUTE, max_u64(ready, time->tile_start));
    start = max_u64(push + first_columns + PUSHED, time->array_free);
    if ((wait & SYSTOLE_TOKEN_ACT_FULL) != 0u) start = max_u64(start, time->act_full + 1u);
    if (again) start = max_u64(start, time->step_start + time->depth);
    if ((wait & SYSTOLE_TOKEN_ACC_FREE) != 0u) start = max_u64(start, time->acc_free[time->acc_taken++ & 3u] + 1u);

    /* A step of K: its tiles, and the array's depth before the same rows come again. */
    step = (uint64_t)tile * (tiles - 1u) + last_tile;
    if (step < time->depth) step = time->depth;
    begin_step = start + step * (steps - 1u);
    last_start = begin_step + (uint64_t)tile * (tiles - 1u);
    last_row = last_start + rows;
    hold_store(time, half, keep ? start : start + step, last_row);
    time->step_start = begin_step;
    time->tile_start = last_start;
    time->array_free = last_row;
    if ((give & SYSTOLE_TOKEN_ACT_FREE) != 0u) give_token(&time->act_free, last_row + time->skew);
    if ((give & SYSTOLE_TOKEN_WGT_FREE) != 0u) give_token(&time->wgt_free, last_start + time->skew);
    if ((give & SYSTOLE_TOKEN_ACC_FULL) != 0u) time->acc_full = last_row + time->drain;
}

void systole_time_store(systole_time_t *time, uint32_t half, uint32_t rows, uint32_t columns, bool dense, bool aligned,
                        uint32_t wait, uint32_t give)
{
    const uint64_t ready = dispatch(time, ENGINE_STORE);
    uint64_t begin = max_u64(ready, time->store_issue), count, cycles, groups, read, window;

    begin = max_u64(begin, time->acc_full);
    if ((wait & SYSTOLE_TOKEN_PARAM_FULL) != 0u) begin = max_u64(begin, time->param_full + 1u);
    leave(time, ENGINE_STORE, begin);
    cycles = transfer(time, rows, columns << time->out_log2, dense, aligned, time->max_writes, WRITE_TURN, &count, &window);
    /* Columns of a tile that do not fill the lanes cost a cycle all the same. */
    groups = ((columns - 1u) >> time->lanes_log2) + 1u;
    cycles = max_u64(cycles, groups * rows);
    read = max_u64(begin + STORE_ISSUE, time->store_read);
    time->store_read = read + cycles;
    time->half_read[half] = time->store_read;
    time->store_issue = max_u64(begin + ISSUE, time->store_read > 64u ? time->store_read - 64u : 0u);
    time->store_end = time->store_read + WRITE + MEMORY_LATENCY;
    if ((give & SYSTOLE_TOKEN_ACC_FREE) != 0u) time->acc_free[time->acc_given++ & 3u] = time->store_read + 1u;
    time->mem_done[0] = time->mem_done[1];
    time->mem_done[1] = time->store_end;
}

uint64_t systole_time_end(const systole_time_t *time) { return time->store_end + RETIRE; }

bool systole_forecast(const systole_capabilities_t *caps, const systole_gemm_t *gemm, systole_gemm_plan_t *plan, uint64_t limit)
{
    systole_time_t time;
    return systole_walk(&time, caps, gemm, plan, limit);
}
