/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the records of a matrix product, one after another, from a plan: chunk by chunk its loads, its MATMUL and, after a block's
 * last chunk, its STORE. The same walk, without writing anything, gives the plan's forecast. docs/driver.md has the token protocol. */
#include "systole_internal.h"
#include "systole_plan.h"
#include "systole_time.h"

/* Binary32 bounds that clamp nothing. */
#define FLOAT_INFINITY 0x7F800000u
#define FLOAT_MINUS_INFINITY 0xFF800000u

/* A place in the sequence: for outer block: for inner block: for chunk of K. */
typedef struct {
    uint32_t outer, inner;   /* first row or column tile of the outer and of the inner block */
    uint32_t k;              /* first word of the chunk */
    uint32_t part;           /* first tile or row, in the block, of a part of the chunk */
    bool first_pass;         /* the first outer block */
    bool last_pass;          /* the last outer block */
    uint32_t a_slot, b_slot; /* streamed: the slot of the current chunk; resident outer operand: of its first piece */
    uint64_t block;          /* blocks before this one */
} cursor_t;

/* The chunk under a cursor, or one part of it. */
typedef struct {
    uint32_t row, rows;       /* of the block in C */
    uint32_t tile, tiles;     /* column tiles */
    uint32_t column, columns; /* columns */
    uint32_t words;           /* of K */
    bool first, last;         /* chunk of its block */
    uint32_t part_row;        /* the part: first row in the block, */
    uint32_t part_rows;       /* rows, */
    uint32_t part_tile;       /* first tile in the block, */
    uint32_t part_tiles;      /* tiles, */
    uint32_t part_columns;    /* columns */
    bool first_part, last_part;
    bool load_parts;  /* one operand comes part by part */
    bool store_parts; /* each part is stored by itself */
    bool ramp;        /* K is cut with growing chunks */
    bool tail;        /* … with shrinking ones */
} chunk_t;

/* One operand's part in a chunk. */
typedef struct {
    uint32_t word;   /* of the chunk's first word in the buffer */
    uint32_t stride; /* words from row to row */
    bool load;       /* something must be loaded for this chunk: */
    bool all;        /* all units of K (each is loaded by itself), or the one that begins with this chunk */
    bool fresh;      /* what is loaded is the first in its slot */
    bool done;       /* the chunk is the last user of the slot */
} part_t;

/* What grows with time and blocks. */
typedef struct {
    uint64_t count;            /* records */
    uint64_t a_slots, b_slots; /* slots filled */
    uint64_t a_frees, b_frees; /* FREE tokens that emitted MATMULs give */
    uint64_t cycles;           /* forecast: cycles that were skipped */
} progress_t;

typedef struct {
    systole_t *dev;       /* NULL: only count */
    systole_time_t *time; /* NULL: no forecast */
    const systole_capabilities_t *caps;
    const systole_gemm_t *gemm;
    const systole_gemm_plan_t *plan;
    uint32_t element_log2, out_log2; /* bytes of an operand's and of a result's element */
    uint32_t word_elements_log2;     /* elements of a buffer word */
    systole_cut_t outer, inner;      /* the outer blocks, the inner blocks of this pass */
    uint32_t inner_total;
    bool array_params;   /* bias or zero points: parameters that MATMULs read */
    bool store_params;   /* scales and shifts, which STOREs read */
    bool guarded;        /* a block's seeds or parameters wait for the STORE of the block two before */
    uint32_t first_wait; /* tokens that the next LOAD takes besides its own */
    progress_t done;
    cursor_t at;
    uint32_t record[SYSTOLE_COMMAND_WORDS];
    systole_result_t result;
} generator_t;

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* --- the sequence of chunks -------------------------------------------------------------------------------------------- */

/* Whether the operand is kept for the inner loop (a block of the outer dimension), and whether all of it is kept for the job. */
static bool kept_for_pass(const systole_operand_plan_t *operand) { return operand->keep == SYSTOLE_KEEP_PASS; }
static bool kept_for_job(const systole_operand_plan_t *operand) { return operand->keep == SYSTOLE_KEEP_JOB; }

static void begin_pass(generator_t *gen)
{
    const uint32_t size = systole_cut_size(&gen->outer, gen->at.outer);

    gen->at.first_pass = gen->at.outer == 0u;
    gen->at.last_pass = gen->at.outer + size == gen->outer.total;
    gen->at.inner = 0;
    systole_inner_cut(gen->plan, gen->gemm->m, gen->at.first_pass, gen->at.last_pass, &gen->inner);
}

static void look_at_chunk(const generator_t *gen, chunk_t *chunk)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const cursor_t *at = &gen->at;
    const uint32_t outer = systole_cut_size(&gen->outer, at->outer), inner = systole_cut_size(&gen->inner, at->inner);

    chunk->row = plan->n_outer ? at->inner : at->outer;
    chunk->rows = plan->n_outer ? inner : outer;
    chunk->tile = plan->n_outer ? at->outer : at->inner;
    chunk->tiles = plan->n_outer ? outer : inner;
    chunk->column = chunk->tile << gen->caps->cols_log2;
    chunk->columns = min_u32(gen->gemm->n - chunk->column, chunk->tiles << gen->caps->cols_log2);
    chunk->ramp = at->block == 0u || kept_for_job(&plan->a) || kept_for_job(&plan->b) ||
                  (at->first_pass && (kept_for_pass(&plan->a) || kept_for_pass(&plan->b)));
    chunk->tail = at->block + 1u == plan->blocks;
    chunk->words = systole_chunk_words(plan, chunk->ramp, chunk->tail, at->k);
    chunk->first = at->k == 0u;
    chunk->last = at->k + chunk->words == plan->k_words;
    chunk->part_row = 0;
    chunk->part_rows = chunk->rows;
    chunk->part_tile = 0;
    chunk->part_tiles = chunk->tiles;
    chunk->first_part = at->part == 0u;
    chunk->last_part = true;
    chunk->load_parts = plan->part_max != 0u || (at->block == 0u && plan->part != 0u);
    chunk->store_parts = chunk->tail && chunk->last && (plan->part_max != 0u || plan->part_end != 0u);
    if (chunk->load_parts || chunk->store_parts) {
        const uint32_t size = plan->part_rows ? chunk->rows : chunk->tiles;
        uint32_t part;
        systole_cut_t cut;
        if (chunk->load_parts) {
            systole_part_cut(plan, size, at->block == 0u, &cut);
        } else {
            systole_cut(&cut, size, size, 0, plan->part_end);
        }
        part = systole_cut_size(&cut, at->part);
        *(plan->part_rows ? &chunk->part_row : &chunk->part_tile) = at->part;
        *(plan->part_rows ? &chunk->part_rows : &chunk->part_tiles) = part;
        chunk->last_part = at->part + part == size;
    }
    chunk->part_columns =
        min_u32(chunk->columns - (chunk->part_tile << gen->caps->cols_log2), chunk->part_tiles << gen->caps->cols_log2);
}

/* Whether each part of the operand's chunks has a slot for itself. */
static bool slot_per_part(const systole_gemm_plan_t *plan, bool is_a) { return plan->part_max != 0u && plan->part_rows == is_a; }

/* Where one operand's rows `row` to `row + rows` of `total` lie in its buffer, and what is to be done for them. */
static void look_at_part(const generator_t *gen, const chunk_t *chunk, const systole_operand_plan_t *operand, uint32_t slot,
                         uint32_t row, uint32_t rows, uint32_t total, part_t *part)
{
    const cursor_t *at = &gen->at;
    const bool last_inner = at->inner + systole_cut_size(&gen->inner, at->inner) == gen->inner.total;
    uint32_t begin, piece;

    part->all = false;
    part->fresh = true;
    if (operand->keep == SYSTOLE_KEEP_NOT) {
        part->word = slot * operand->slot_words;
        part->stride = chunk->words;
        part->load = true;
        part->done = true;
        return;
    }
    begin = systole_unit_begin(gen->plan, operand, chunk->ramp && (at->first_pass || kept_for_job(operand)), at->k);
    part->stride = systole_unit_words(gen->plan, operand, chunk->ramp && (at->first_pass || kept_for_job(operand)), begin);
    if (kept_for_job(operand)) {
        part->word = total * begin + row * part->stride + (at->k - begin);
        part->all = at->inner != 0u;
        part->load = at->first_pass && (part->all ? at->k == 0u : at->k == begin);
        part->done = false;
        return;
    }
    piece = at->k / operand->piece;
    slot += piece;
    if (slot >= operand->slots) slot -= operand->slots;
    piece *= operand->piece;
    part->word = slot * operand->slot_words + rows * (begin - piece) + (at->k - begin);
    part->load = at->inner == 0u && at->k == begin;
    part->fresh = begin == piece;
    part->done = last_inner && (chunk->last || at->k + chunk->words == piece + operand->piece);
}

static void look_at_parts(const generator_t *gen, const chunk_t *chunk, part_t *a, part_t *b)
{
    look_at_part(gen, chunk, &gen->plan->a, gen->at.a_slot, chunk->row, chunk->rows, gen->gemm->m, a);
    look_at_part(gen, chunk, &gen->plan->b, gen->at.b_slot, chunk->column, chunk->columns, gen->gemm->n, b);
    /* One operand comes part by part, the other one with the first part. A part may have a slot for itself. */
    a->load = a->load && (chunk->first_part || (chunk->load_parts && gen->plan->part_rows));
    b->load = b->load && (chunk->first_part || (chunk->load_parts && !gen->plan->part_rows));
    if (!slot_per_part(gen->plan, true)) {
        a->word += chunk->part_row * a->stride;
        a->fresh = a->fresh && chunk->first_part;
        a->done = a->done && chunk->last_part;
    }
    if (!slot_per_part(gen->plan, false)) {
        b->word += (chunk->part_tile << gen->caps->cols_log2) * b->stride;
        b->fresh = b->fresh && chunk->first_part;
        b->done = b->done && chunk->last_part;
    }
}

/* Slots used up by a chunk; `pass`: it was the last one of its pass. */
static void advance_slot(const generator_t *gen, const systole_operand_plan_t *operand, bool pass, uint32_t *slot)
{
    if (operand->keep == SYSTOLE_KEEP_NOT) {
        if (++*slot == operand->slots) *slot = 0;
    } else if (kept_for_pass(operand) && pass) {
        *slot += (gen->plan->k_words - 1u) / operand->piece + 1u;
        if (*slot >= operand->slots) *slot -= operand->slots;
    }
}

static void advance(generator_t *gen, const chunk_t *chunk)
{
    cursor_t *at = &gen->at;
    const uint32_t size = systole_cut_size(&gen->inner, at->inner);
    const bool pass = chunk->last && at->inner + size == gen->inner.total;

    if (chunk->last_part || slot_per_part(gen->plan, true)) advance_slot(gen, &gen->plan->a, pass, &at->a_slot);
    if (chunk->last_part || slot_per_part(gen->plan, false)) advance_slot(gen, &gen->plan->b, pass, &at->b_slot);
    if (!chunk->last_part) {
        at->part += gen->plan->part_rows ? chunk->part_rows : chunk->part_tiles;
        return;
    }
    at->part = 0;
    if (!chunk->last) {
        at->k += chunk->words;
        return;
    }
    at->k = 0;
    ++at->block;
    if (!pass) {
        at->inner += size;
        return;
    }
    at->outer += systole_cut_size(&gen->outer, at->outer);
    if (at->outer < gen->outer.total) begin_pass(gen);
}

/* --- records ----------------------------------------------------------------------------------------------------------- */

static void begin_record(generator_t *gen, uint32_t opcode, uint32_t wait, uint32_t give)
{
    volatile uint32_t *words = gen->record; /* volatile: or the loop becomes a call of memset, which nobody provides */
    uint32_t i;

    for (i = 0; i < SYSTOLE_COMMAND_WORDS; ++i) words[i] = 0;
    SYSTOLE_SET(gen->record, CMD_OPCODE, opcode);
    SYSTOLE_SET(gen->record, CMD_VERSION, SYSTOLE_COMMAND_VERSION);
    SYSTOLE_SET(gen->record, CMD_ACCEL_ID, gen->caps->accel_id);
    SYSTOLE_SET(gen->record, CMD_WAIT, wait);
    SYSTOLE_SET(gen->record, CMD_GIVE, give);
}

static void end_record(generator_t *gen)
{
    ++gen->done.count;
    if (gen->dev != NULL && gen->result == SYSTOLE_OK) gen->result = systole_ring_push(gen->dev, gen->record);
}

static void emit_load(generator_t *gen, uint32_t dest, uint32_t bank, uint32_t word, uint64_t address, uint32_t length,
                      uint32_t count, int64_t pitch, uint32_t wait, uint32_t give)
{
    wait |= gen->first_wait;
    gen->first_wait = 0;
    if (gen->time != NULL) {
        const uint32_t mask = ((uint32_t)1u << gen->caps->axi_bytes_log2) - 1u;
        ++gen->done.count;
        systole_time_load(gen->time, count, length, pitch == (int64_t)length,
                          (((uint32_t)address | (count > 1u ? (uint32_t)pitch : 0u)) & mask) == 0u, wait, give);
        return;
    }
    begin_record(gen, SYSTOLE_OPCODE_LOAD, wait, give);
    SYSTOLE_SET(gen->record, LOAD_ADDRESS_LO, address);
    SYSTOLE_SET(gen->record, LOAD_ADDRESS_HI, address >> 32);
    SYSTOLE_SET(gen->record, LOAD_DEST, dest);
    SYSTOLE_SET(gen->record, LOAD_BANK, bank);
    SYSTOLE_SET(gen->record, LOAD_DST, word);
    SYSTOLE_SET(gen->record, LOAD_LENGTH, length);
    SYSTOLE_SET(gen->record, LOAD_COUNT1, count);
    SYSTOLE_SET(gen->record, LOAD_COUNT2, 1);
    SYSTOLE_SET(gen->record, LOAD_PITCH1, count > 1u ? pitch : 0);
    end_record(gen);
}

/* First parameter entry of a block's columns: its own if the bank holds all, else one of two halves in turn. */
static uint32_t param_entry(const generator_t *gen, const chunk_t *chunk)
{
    if (gen->plan->params_resident) return chunk->tile;
    return (gen->at.block & 1u) != 0u ? gen->caps->param_entries >> 1 : 0u;
}

/* First accumulator row of a block: the halves in turn and, with four places, the halves of each in turn. */
static uint32_t acc_row(const generator_t *gen)
{
    const uint32_t rows = gen->caps->acc_rows;
    const uint32_t half = (gen->at.block & 1u) != 0u ? rows : 0u;
    return half + (gen->plan->acc_slots == 4u && (gen->at.block & 2u) != 0u ? rows >> 1 : 0u);
}

/* Whether this chunk brings the bias and zero points of its block's columns. */
static bool loads_array_params(const generator_t *gen, const chunk_t *chunk)
{
    if (!gen->array_params || !chunk->first || !chunk->first_part) return false;
    if (!gen->plan->params_resident) return true;
    return gen->plan->n_outer ? gen->at.inner == 0u : gen->at.first_pass;
}

/* Whether this chunk brings scales and shifts. Nobody needs them before the block's STORE, so they come last. If the banks hold
 * all of N, the first block brings all: one PARAM_FULL token a job, however far loads run ahead of stores. */
static bool loads_store_params(const generator_t *gen, const chunk_t *chunk)
{
    return gen->store_params && chunk->last && (chunk->store_parts ? chunk->first_part : chunk->last_part) &&
           (gen->at.block == 0u || !gen->plan->params_resident);
}

/* Whether this chunk's first load of seeds or parameters must wait until the block two before, which used the same half, is
 * complete. */
static bool takes_guard(const generator_t *gen, const chunk_t *chunk)
{
    const bool early =
        gen->gemm->seed != 0u || gen->array_params; /* such loads come with the block's first chunk, else the last */
    return gen->guarded && gen->at.block >= 2u && (early ? chunk->first && chunk->first_part : loads_store_params(gen, chunk));
}

static void emit_array_params(generator_t *gen, const chunk_t *chunk, uint32_t wait, uint32_t give)
{
    const uint32_t entry = param_entry(gen, chunk);
    const bool zero_points = gen->gemm->b_zero_points != 0u, bias = gen->gemm->bias != 0u;

    if (zero_points) {
        emit_load(gen, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_B_ZERO_POINT, entry, gen->gemm->b_zero_points + chunk->column,
                  chunk->columns, 1, 0, wait, bias ? 0u : give);
        wait = 0;
    }
    if (bias) {
        emit_load(gen, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_BIAS, entry, gen->gemm->bias + (uint64_t)chunk->column * 4u,
                  chunk->columns * 4u, 1, 0, wait, give);
    }
}

static void emit_store_params(generator_t *gen, const chunk_t *chunk, uint32_t wait)
{
    const systole_epilogue_t *epilogue = &gen->gemm->epilogue;
    const bool all = gen->plan->params_resident;
    const uint32_t entry = all ? 0u : param_entry(gen, chunk);
    const uint32_t column = all ? 0u : chunk->column, columns = all ? gen->gemm->n : chunk->columns;
    const bool shifts = epilogue->shifts != 0u;

    emit_load(gen, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_SCALE, entry, epilogue->scales + (uint64_t)column * 4u, columns * 4u, 1, 0,
              wait, shifts ? 0u : SYSTOLE_TOKEN_PARAM_FULL);
    if (shifts) {
        emit_load(gen, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_SHIFT, entry, epilogue->shifts + column, columns, 1, 0, 0,
                  SYSTOLE_TOKEN_PARAM_FULL);
    }
}

/* Loads the block of the seed matrix, tile by tile: consecutive accumulator rows are rows of one tile. */
static void emit_seed(generator_t *gen, const chunk_t *chunk, uint32_t wait, uint32_t give)
{
    const uint32_t cols_log2 = gen->caps->cols_log2, cols = (uint32_t)1u << cols_log2;
    const uint32_t full = chunk->columns >> cols_log2, rest = chunk->columns - (full << cols_log2);
    const uint64_t address =
        gen->gemm->seed + (uint64_t)((int64_t)chunk->row * gen->gemm->seed_pitch) + (uint64_t)chunk->column * 4u;
    const int64_t pitch = chunk->rows > 1u ? gen->gemm->seed_pitch : 0;
    uint32_t row = acc_row(gen);

    if (full != 0u && gen->time != NULL) {
        systole_time_load(gen->time, full * chunk->rows, cols * 4u, false, true, wait, rest != 0u ? 0u : give);
        ++gen->done.count;
        wait = 0;
    } else if (full != 0u) {
        begin_record(gen, SYSTOLE_OPCODE_LOAD, wait | gen->first_wait, rest != 0u ? 0u : give);
        gen->first_wait = 0;
        wait = 0;
        SYSTOLE_SET(gen->record, LOAD_ADDRESS_LO, address);
        SYSTOLE_SET(gen->record, LOAD_ADDRESS_HI, address >> 32);
        SYSTOLE_SET(gen->record, LOAD_DEST, SYSTOLE_DEST_ACC);
        SYSTOLE_SET(gen->record, LOAD_DST, row);
        SYSTOLE_SET(gen->record, LOAD_LENGTH, cols * 4u);
        SYSTOLE_SET(gen->record, LOAD_COUNT1, chunk->rows);
        SYSTOLE_SET(gen->record, LOAD_COUNT2, full);
        SYSTOLE_SET(gen->record, LOAD_PITCH1, pitch);
        SYSTOLE_SET(gen->record, LOAD_PITCH2, full > 1u ? cols * 4u : 0u);
        end_record(gen);
    }
    row += full * chunk->rows;
    if (rest != 0u) {
        emit_load(gen, SYSTOLE_DEST_ACC, 0, row, address + (uint64_t)full * cols * 4u, rest * 4u, chunk->rows, pitch, wait, give);
    }
}

/* Bytes of the `words` words that begin at word k of a row. (K in bytes may exceed 32 bits, K in elements does not.) */
static uint32_t piece_bytes(const generator_t *gen, uint32_t k, uint32_t words)
{
    const uint32_t elements_log2 = gen->word_elements_log2;
    return min_u32(words << elements_log2, gen->gemm->k - (k << elements_log2)) << gen->element_log2;
}

/* The loads of one operand for the current chunk: of the unit that begins with it, or of all units of K one after another. Only
 * the last one gives a token, only the first takes one. */
static void emit_operand(generator_t *gen, const chunk_t *chunk, const systole_operand_plan_t *operand, const part_t *part,
                         bool is_a, uint32_t wait, uint32_t give)
{
    const systole_gemm_t *gemm = gen->gemm;
    const bool parts = chunk->load_parts;
    const uint32_t column = chunk->column + (parts ? chunk->part_tile << gen->caps->cols_log2 : 0u);
    const uint32_t row = is_a ? chunk->row + (parts ? chunk->part_row : 0u) : column;
    const uint32_t rows = is_a ? (parts ? chunk->part_rows : chunk->rows) : parts ? chunk->part_columns : chunk->columns;
    const uint32_t total = is_a ? gemm->m : gemm->n, dest = is_a ? SYSTOLE_DEST_ACT : SYSTOLE_DEST_WGT;
    const int64_t pitch = is_a ? gemm->a_pitch : gemm->b_pitch;
    const uint64_t address = (is_a ? gemm->a : gemm->b) + (uint64_t)((int64_t)row * pitch);
    uint32_t k = gen->at.k, word = part->word, stride = part->stride;

    for (;;) {
        const bool last = !part->all || k + stride == gen->plan->k_words;
        emit_load(gen, dest, 0, word, address + systole_shift_left(k, gen->caps->word_bytes_log2), piece_bytes(gen, k, stride),
                  rows, pitch, wait, last ? give : 0u);
        if (last) return;
        wait = 0;
        k += stride;
        stride = systole_unit_words(gen->plan, operand, chunk->ramp, k);
        word = total * k + row * stride;
    }
}

/* All loads of the current chunk. */
static void emit_chunk_loads(generator_t *gen, const chunk_t *chunk, const part_t *a, const part_t *b)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const bool seed = gen->gemm->seed != 0u && chunk->first && chunk->first_part, params = loads_array_params(gen, chunk);
    uint32_t guard = takes_guard(gen, chunk) ? SYSTOLE_TOKEN_MEM_DONE : 0u, turn;

    if (params) {
        emit_array_params(gen, chunk, guard, b->load ? 0u : SYSTOLE_TOKEN_WGT_FULL);
        guard = 0;
    }
    /* What comes in parts comes last: its slots are the ones that are waited for. */
    for (turn = 0; turn < 2u; ++turn) {
        const bool is_a = (turn == 0u) == (plan->part_max != 0u && !plan->part_rows);
        if (is_a && a->load) {
            const bool used = a->fresh && !kept_for_job(&plan->a) && gen->done.a_slots++ >= plan->a.slots;
            emit_operand(gen, chunk, &plan->a, a, true, used ? SYSTOLE_TOKEN_ACT_FREE : 0u, seed ? 0u : SYSTOLE_TOKEN_ACT_FULL);
        }
        if (!is_a && b->load) {
            const bool used = b->fresh && !kept_for_job(&plan->b) && gen->done.b_slots++ >= plan->b.slots;
            emit_operand(gen, chunk, &plan->b, b, false, used ? SYSTOLE_TOKEN_WGT_FREE : 0u, SYSTOLE_TOKEN_WGT_FULL);
        }
    }
    if (seed) {
        emit_seed(gen, chunk, guard, SYSTOLE_TOKEN_ACT_FULL);
        guard = 0;
    }
    if (loads_store_params(gen, chunk)) emit_store_params(gen, chunk, guard);
}

static void emit_matmul(generator_t *gen, const chunk_t *chunk, const part_t *a, const part_t *b, uint32_t wait, uint32_t give)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const systole_gemm_t *gemm = gen->gemm;
    const uint32_t cols_log2 = gen->caps->cols_log2;
    const uint32_t tail = chunk->part_columns - ((chunk->part_tiles - 1u) << cols_log2);
    uint32_t seed = SYSTOLE_SEED_KEEP;

    if (gen->time != NULL) {
        ++gen->done.count;
        systole_time_matmul(gen->time, chunk->part_rows, chunk->part_tiles, tail, chunk->words, !chunk->first,
                            !chunk->first && chunk->first_part && chunk->last_part, (uint32_t)gen->at.block & 1u, wait, give);
        return;
    }
    if (chunk->first && gemm->seed == 0u) seed = gemm->bias != 0u ? SYSTOLE_SEED_BIAS : SYSTOLE_SEED_ZERO;
    begin_record(gen, SYSTOLE_OPCODE_MATMUL, wait, give);
    SYSTOLE_SET(gen->record, MATMUL_A_DTYPE, gemm->a_dtype);
    SYSTOLE_SET(gen->record, MATMUL_B_DTYPE, gemm->b_dtype);
    SYSTOLE_SET(gen->record, MATMUL_SEED, seed);
    /* The column tiles inside: the same accumulator rows come back as late as can be. */
    SYSTOLE_SET(gen->record, MATMUL_ORDER, SYSTOLE_ORDER_N_INNER);
    SYSTOLE_SET(gen->record, MATMUL_A_ZERO_POINT, gemm->a_zero_point);
    if (gemm->b_zero_points != 0u) {
        SYSTOLE_SET(gen->record, MATMUL_B_ZP_PER_COLUMN, 1);
    } else {
        SYSTOLE_SET(gen->record, MATMUL_B_ZERO_POINT, gemm->b_zero_point);
    }
    SYSTOLE_SET(gen->record, MATMUL_ACT, a->word);
    SYSTOLE_SET(gen->record, MATMUL_WGT, b->word);
    SYSTOLE_SET(gen->record, MATMUL_ACC, acc_row(gen) + chunk->part_tile * chunk->rows + chunk->part_row);
    if (gen->array_params) SYSTOLE_SET(gen->record, MATMUL_PARAM, param_entry(gen, chunk) + chunk->part_tile);
    SYSTOLE_SET(gen->record, MATMUL_M0, chunk->part_rows);
    SYSTOLE_SET(gen->record, MATMUL_M1, 1);
    SYSTOLE_SET(gen->record, MATMUL_ACT_M0_STRIDE, a->stride);
    SYSTOLE_SET(gen->record, MATMUL_K0, chunk->words);
    SYSTOLE_SET(gen->record, MATMUL_K1, 1);
    SYSTOLE_SET(gen->record, MATMUL_ACT_K0_STRIDE, 1);
    SYSTOLE_SET(gen->record, MATMUL_WGT_K0_STRIDE, 1);
    SYSTOLE_SET(gen->record, MATMUL_N, chunk->part_tiles);
    SYSTOLE_SET(gen->record, MATMUL_K_TAIL,
                chunk->last ? piece_bytes(gen, plan->k_words - 1u, 1) : (uint32_t)1u << gen->caps->word_bytes_log2);
    SYSTOLE_SET(gen->record, MATMUL_N_TAIL, tail);
    SYSTOLE_SET(gen->record, MATMUL_WGT_N_STRIDE, b->stride << cols_log2);
    SYSTOLE_SET(gen->record, MATMUL_WGT_COL_STRIDE, b->stride);
    SYSTOLE_SET(gen->record, MATMUL_ACC_N_STRIDE, chunk->rows);
    end_record(gen);
}

/* The epilogue's fields of a STORE that begins at a tile of the block. */
static void set_epilogue(generator_t *gen, const chunk_t *chunk, uint32_t tile)
{
    const systole_epilogue_t *epilogue = &gen->gemm->epilogue;
    const uint32_t out = epilogue->out_dtype;
    uint32_t low = FLOAT_MINUS_INFINITY, high = FLOAT_INFINITY;

    SYSTOLE_SET(gen->record, STORE_OUT_DTYPE, out);
    if (out == SYSTOLE_DTYPE_S32) return;
    if (systole_is_int8(out)) {
        low = out == SYSTOLE_DTYPE_S8 ? (uint32_t)-128 : 0u;
        high = out == SYSTOLE_DTYPE_S8 ? 127u : 255u;
        SYSTOLE_SET(gen->record, STORE_REQUANT, epilogue->requant);
        SYSTOLE_SET(gen->record, STORE_OUT_ZERO_POINT, epilogue->out_zero_point);
        if (gen->store_params) {
            SYSTOLE_SET(gen->record, STORE_PER_COLUMN, 1);
            SYSTOLE_SET(gen->record, STORE_PARAM, param_entry(gen, chunk) + tile);
        } else {
            SYSTOLE_SET(gen->record, STORE_SCALE, epilogue->scale);
            SYSTOLE_SET(gen->record, STORE_SHIFT, epilogue->shift);
        }
    }
    SYSTOLE_SET(gen->record, STORE_CLAMP_MIN, epilogue->clamp ? epilogue->clamp_min : low);
    SYSTOLE_SET(gen->record, STORE_CLAMP_MAX, epilogue->clamp ? epilogue->clamp_max : high);
}

static void emit_store(generator_t *gen, const chunk_t *chunk, uint32_t wait, uint32_t give, bool irq)
{
    const systole_gemm_t *gemm = gen->gemm;
    /* The block, or a part of it. */
    const bool part = chunk->store_parts;
    const uint32_t row = part ? chunk->part_row : 0u, tile = part ? chunk->part_tile : 0u;
    const uint32_t rows = part ? chunk->part_rows : chunk->rows, tiles = part ? chunk->part_tiles : chunk->tiles;
    const uint32_t column = chunk->column + (tile << gen->caps->cols_log2);
    const uint32_t columns = part ? chunk->part_columns : chunk->columns;
    const uint64_t address =
        gemm->c + (uint64_t)((int64_t)(chunk->row + row) * gemm->c_pitch) + systole_shift_left(column, gen->out_log2);

    if (gen->time != NULL) {
        const uint32_t mask = ((uint32_t)1u << gen->caps->axi_bytes_log2) - 1u;
        ++gen->done.count;
        systole_time_store(gen->time, (uint32_t)gen->at.block & 1u, rows, columns,
                           gemm->c_pitch == (int64_t)systole_shift_left(columns, gen->out_log2),
                           (((uint32_t)address | (rows > 1u ? (uint32_t)gemm->c_pitch : 0u)) & mask) == 0u, wait, give);
        return;
    }
    begin_record(gen, SYSTOLE_OPCODE_STORE, wait, give);
    if (irq) SYSTOLE_SET(gen->record, CMD_IRQ, 1);
    SYSTOLE_SET(gen->record, STORE_ADDRESS_LO, address);
    SYSTOLE_SET(gen->record, STORE_ADDRESS_HI, address >> 32);
    SYSTOLE_SET(gen->record, STORE_ACC, acc_row(gen) + tile * chunk->rows + row);
    SYSTOLE_SET(gen->record, STORE_ACC_N_STRIDE, chunk->rows);
    SYSTOLE_SET(gen->record, STORE_M0, rows);
    SYSTOLE_SET(gen->record, STORE_M1, 1);
    SYSTOLE_SET(gen->record, STORE_PITCH0, rows > 1u ? gemm->c_pitch : 0);
    SYSTOLE_SET(gen->record, STORE_N, tiles);
    SYSTOLE_SET(gen->record, STORE_N_TAIL, columns - ((tiles - 1u) << gen->caps->cols_log2));
    set_epilogue(gen, chunk, tile);
    end_record(gen);
}

/* The MATMUL of the current chunk and, after a block's last chunk, its STORE. */
static void emit_chunk_compute(generator_t *gen, const chunk_t *chunk, const part_t *a, const part_t *b)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const bool seed = gen->gemm->seed != 0u && chunk->first && chunk->first_part, params = loads_array_params(gen, chunk);
    const bool block_ends = chunk->last && chunk->last_part, job_ends = gen->at.block + 1u == plan->blocks && block_ends;
    const bool store = block_ends || chunk->store_parts;
    const bool successor = gen->at.block + plan->acc_slots < plan->blocks; /* a block will use this one's accumulators again */
    uint32_t wait = 0, give = 0, store_wait = SYSTOLE_TOKEN_ACC_FULL, store_give = 0;

    if (a->load || seed) wait |= SYSTOLE_TOKEN_ACT_FULL;
    if (b->load || params) wait |= SYSTOLE_TOKEN_WGT_FULL;
    if (chunk->first && chunk->first_part && gen->at.block >= plan->acc_slots) wait |= SYSTOLE_TOKEN_ACC_FREE;
    if (a->done && gen->done.a_frees + plan->a.slots < plan->a.loads) {
        give |= SYSTOLE_TOKEN_ACT_FREE;
        ++gen->done.a_frees;
    }
    if (b->done && gen->done.b_frees + plan->b.slots < plan->b.loads) {
        give |= SYSTOLE_TOKEN_WGT_FREE;
        ++gen->done.b_frees;
    }
    if (loads_store_params(gen, chunk)) store_wait |= SYSTOLE_TOKEN_PARAM_FULL;
    if (successor) store_give |= SYSTOLE_TOKEN_ACC_FREE;
    if ((successor && gen->guarded) || job_ends) store_give |= SYSTOLE_TOKEN_MEM_DONE;

    emit_matmul(gen, chunk, a, b, wait, give | (store ? SYSTOLE_TOKEN_ACC_FULL : 0u));
    if (store) emit_store(gen, chunk, store_wait, store_give, job_ends);
}

/* --- the walk ---------------------------------------------------------------------------------------------------------- */

static void begin_walk(generator_t *gen, const systole_capabilities_t *caps, const systole_gemm_t *gemm,
                       const systole_gemm_plan_t *plan)
{
    gen->dev = NULL;
    gen->time = NULL;
    gen->caps = caps;
    gen->gemm = gemm;
    gen->plan = plan;
    gen->element_log2 = systole_element_bytes_log2(gemm->a_dtype);
    gen->out_log2 = systole_element_bytes_log2(gemm->epilogue.out_dtype);
    gen->word_elements_log2 = caps->word_bytes_log2 - gen->element_log2;
    gen->array_params = gemm->bias != 0u || gemm->b_zero_points != 0u;
    gen->store_params = gemm->epilogue.scales != 0u;
    gen->guarded = gemm->seed != 0u || (plan->params && !plan->params_resident);
    gen->first_wait = 0;
    gen->done.count = 0;
    gen->done.a_slots = 0;
    gen->done.b_slots = 0;
    gen->done.a_frees = 0;
    gen->done.b_frees = 0;
    gen->done.cycles = 0;
    gen->result = SYSTOLE_OK;
    systole_outer_cut(plan, gemm->m, &gen->outer);
    gen->at.outer = 0;
    gen->at.k = 0;
    gen->at.part = 0;
    gen->at.a_slot = 0;
    gen->at.b_slot = 0;
    gen->at.block = 0;
    begin_pass(gen);
}

/* One chunk. */
static void step(generator_t *gen)
{
    chunk_t chunk;
    part_t a, b;

    look_at_chunk(gen, &chunk);
    look_at_parts(gen, &chunk, &a, &b);
    emit_chunk_loads(gen, &chunk, &a, &b);
    emit_chunk_compute(gen, &chunk, &a, &b);
    advance(gen, &chunk);
}

static systole_result_t generate(systole_t *dev, const systole_gemm_t *gemm, const systole_gemm_plan_t *plan)
{
    generator_t gen;

    begin_walk(&gen, &dev->caps, gemm, plan);
    gen.dev = dev;
    gen.first_wait = dev->chained ? SYSTOLE_TOKEN_MEM_DONE : 0u;
    while (gen.at.outer < gen.outer.total && gen.result == SYSTOLE_OK) step(&gen);
    return gen.result;
}

/* --- the forecast ------------------------------------------------------------------------------------------------------ */

/* A loop of which equal rounds are skipped once they have become periodic. */
typedef struct {
    uint32_t size;     /* of a round */
    uint32_t rounds;   /* equal ones in a row, without the ones skipped */
    uint64_t blocks;   /* blocks before the mark */
    progress_t before; /* at the mark, and the engines' clocks there */
    uint64_t compute, load, store;
} loop_t;

static uint64_t times(uint64_t a, uint32_t b)
{
    const uint64_t high = (a >> 32) * b, low = (uint64_t)(uint32_t)a * b;
    if ((high >> 32) != 0u) return SYSTOLE_SATURATED;
    return systole_sat_add(high << 32, low);
}

static void mark(const generator_t *gen, loop_t *loop)
{
    loop->before.count = gen->done.count;
    loop->before.a_slots = gen->done.a_slots;
    loop->before.b_slots = gen->done.b_slots;
    loop->before.a_frees = gen->done.a_frees;
    loop->before.b_frees = gen->done.b_frees;
    loop->before.cycles = gen->done.cycles;
    loop->compute = gen->time->array_free;
    loop->load = gen->time->bus;
    loop->store = gen->time->store_read;
    loop->blocks = gen->at.block;
}

/* What happened since the mark happens `n` times more, without being looked at. */
static void skip(generator_t *gen, const loop_t *loop, uint32_t n)
{
    progress_t *done = &gen->done;
    uint64_t cycles = gen->time->array_free - loop->compute;

    /* The slowest engine will set the pace, even if the others still live on what is there. */
    if (gen->time->bus - loop->load > cycles) cycles = gen->time->bus - loop->load;
    if (gen->time->store_read - loop->store > cycles) cycles = gen->time->store_read - loop->store;

    done->count = systole_sat_add(done->count, times(done->count - loop->before.count, n));
    done->a_slots = systole_sat_add(done->a_slots, times(done->a_slots - loop->before.a_slots, n));
    done->b_slots = systole_sat_add(done->b_slots, times(done->b_slots - loop->before.b_slots, n));
    done->a_frees = systole_sat_add(done->a_frees, times(done->a_frees - loop->before.a_frees, n));
    done->b_frees = systole_sat_add(done->b_frees, times(done->b_frees - loop->before.b_frees, n));
    cycles = systole_sat_add(cycles, done->cycles - loop->before.cycles);
    done->cycles = systole_sat_add(done->cycles, times(cycles, n));
    gen->at.block = systole_sat_add(gen->at.block, times(gen->at.block - loop->blocks, n));
}

/* At the begin of a round of a loop at `position`: marks, counts and skips. Two rounds make a period, since blocks use the halves
 * of the accumulators in turn; four rounds are gone through before, two are left at the end. Returns the new position. */
static uint32_t round_begins(generator_t *gen, loop_t *loop, uint32_t position, uint32_t size, uint32_t end)
{
    if (size != loop->size) {
        loop->size = size;
        loop->rounds = 0;
    }
    if (loop->rounds == 2u) mark(gen, loop);
    if (loop->rounds == 4u && end > position && (end - position) / size >= 4u) {
        const uint32_t n = ((end - position) / size - 2u) / 2u;
        skip(gen, loop, n);
        position += n * 2u * size;
    }
    ++loop->rounds;
    return position;
}

static void begin_loop(loop_t *loop)
{
    loop->size = 0;
    loop->rounds = 0;
}

bool systole_walk(systole_time_t *time, const systole_capabilities_t *caps, const systole_gemm_t *gemm, systole_gemm_plan_t *plan,
                  uint64_t limit)
{
    generator_t gen;
    loop_t passes, blocks, chunks;
    uint32_t period = plan->k_chunk;

    /* How often slots are filled is what the walk tells: until then, each use gives its FREE token. */
    plan->a.loads = SYSTOLE_SATURATED;
    plan->b.loads = SYSTOLE_SATURATED;
    begin_walk(&gen, caps, gemm, plan);
    systole_time_begin(time, caps, gen.out_log2);
    gen.time = time;
    if (plan->a.keep != SYSTOLE_KEEP_NOT && plan->a.piece > period) period = plan->a.piece;
    if (plan->b.keep != SYSTOLE_KEEP_NOT && plan->b.piece > period) period = plan->b.piece;
    begin_loop(&passes);
    begin_loop(&blocks);
    begin_loop(&chunks);
    while (gen.at.outer < gen.outer.total) {
        if (gen.at.part != 0u) {
            /* Between two parts of a chunk. */
        } else if (gen.at.k == 0u) {
            if (gen.at.inner == 0u) {
                begin_loop(&blocks);
                if (!gen.at.first_pass && gen.at.outer < gen.outer.tail_begin) {
                    gen.at.outer = round_begins(&gen, &passes, gen.at.outer, systole_cut_size(&gen.outer, gen.at.outer),
                                                gen.outer.tail_begin);
                    begin_pass(&gen);
                }
            }
            if (gen.at.inner < gen.inner.tail_begin && gen.at.inner >= gen.inner.head_end) {
                gen.at.inner =
                    round_begins(&gen, &blocks, gen.at.inner, systole_cut_size(&gen.inner, gen.at.inner), gen.inner.tail_begin);
            }
            begin_loop(&chunks);
        } else if (gen.at.k % period == 0u) {
            gen.at.k = round_begins(&gen, &chunks, gen.at.k, period, plan->k_words);
        }
        step(&gen);
        if (systole_sat_add(gen.done.cycles, time->array_free) > limit) return false;
    }
    plan->cycles = systole_sat_add(gen.done.cycles, systole_time_end(time));
    plan->commands = gen.done.count;
    plan->a.loads = kept_for_job(&plan->a) ? 1u : gen.done.a_slots;
    plan->b.loads = kept_for_job(&plan->b) ? 1u : gen.done.b_slots;
    return true;
}

/* --- the API ----------------------------------------------------------------------------------------------------------- */

systole_result_t systole_gemm_commands(const systole_t *dev, const systole_gemm_t *gemm, uint32_t *count)
{
    systole_gemm_plan_t plan;
    systole_result_t result;

    if (count == NULL) return SYSTOLE_ERR_BAD_ARG;
    result = systole_gemm_plan(dev, gemm, &plan);
    if (result != SYSTOLE_OK) return result;
    *count = plan.commands > UINT32_MAX ? UINT32_MAX : (uint32_t)plan.commands;
    return SYSTOLE_OK;
}

systole_result_t systole_gemm(systole_t *dev, const systole_gemm_t *gemm)
{
    systole_gemm_plan_t plan;
    systole_result_t result;

    result = systole_gemm_plan(dev, gemm, &plan);
    if (result != SYSTOLE_OK) return result;
    result = generate(dev, gemm, &plan);
    if (result != SYSTOLE_OK) return result;
    dev->chained = true;
    systole_ring_publish(dev);
    return SYSTOLE_OK;
}
