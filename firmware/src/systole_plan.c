/* SPDX-License-Identifier: Apache-2.0 */
/* How a matrix product is cut up: searches block sizes, chunk size, loop order, what to keep, and the sizes of the first and last
 * blocks, by forecast time. */
#include "systole_plan.h"
#include "systole_internal.h"

/* What the bounds assume about memory: bytes a cycle (log2). It steers the choice only. */
#define MEMORY_BYTES_LOG2 4u

/* Column tiles whose parameters are loaded by one LOAD: 4 bytes for each of at most 64 columns fit the 24 bits of its length. */
#define MAX_RESIDENT_PARAMS 0x8000u

/* Beats from which on bursts follow one another without a gap, whatever the latency (docs/memory_model.md, 16 open bursts). */
#define LONG_BURST_BEATS 3u

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t max_u32(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* ceil(a / b), a >= 1. */
static uint32_t ceil_div(uint32_t a, uint32_t b) { return (a - 1u) / b + 1u; }

/* ceil(a / 2^shift), a >= 1. */
static uint32_t ceil_shift(uint32_t a, uint32_t shift) { return ((a - 1u) >> shift) + 1u; }

static uint64_t sat_mul(uint64_t a, uint64_t b)
{
    const uint64_t a_high = a >> 32, a_low = (uint32_t)a, b_high = b >> 32, b_low = (uint32_t)b;
    const uint64_t cross = a_high * b_low + a_low * b_high; /* one of the two is zero where it matters */
    if ((a_high != 0u && b_high != 0u) || (cross >> 32) != 0u) return SYSTOLE_SATURATED;
    return systole_sat_add(cross << 32, a_low * b_low);
}

/* --- cuts -------------------------------------------------------------------------------------------------------------- */

/* Where growing parts head, head, 2*head, … end: at the first boundary from `body` on, or the last one within `room`. */
static uint32_t growth(uint32_t head, uint32_t body, uint32_t room)
{
    uint32_t end = head;
    if (head == 0u || head >= body || head > room) return 0;
    while (end < body && end <= room / 2u) end *= 2u;
    return end;
}

void systole_cut(systole_cut_t *cut, uint32_t total, uint32_t body, uint32_t head, uint32_t tail)
{
    uint32_t middle;

    cut->total = total;
    cut->head_end = growth(head, body, tail != 0u ? total / 2u : total);
    cut->tail_begin = total - growth(tail, body, total - cut->head_end);
    cut->head = head;
    cut->tail = tail;
    middle = cut->tail_begin - cut->head_end;
    cut->even = middle == 0u ? body : ceil_div(middle, ceil_div(middle, body));
}

uint32_t systole_cut_size(const systole_cut_t *cut, uint32_t position)
{
    uint32_t rest;

    if (position < cut->head_end) return max_u32(cut->head, position);
    if (position < cut->tail_begin) return min_u32(cut->even, cut->tail_begin - position);
    rest = cut->total - position;
    return rest <= cut->tail ? rest : rest / 2u;
}

/* Parts of a growth that ends at `end`. */
static uint32_t growth_parts(uint32_t head, uint32_t end)
{
    uint32_t parts = end != 0u ? 1u : 0u;
    for (; end > head; end /= 2u) ++parts;
    return parts;
}

uint32_t systole_cut_count(const systole_cut_t *cut)
{
    const uint32_t middle = cut->tail_begin - cut->head_end;
    return growth_parts(cut->head, cut->head_end) + growth_parts(cut->tail, cut->total - cut->tail_begin) +
           (middle != 0u ? ceil_div(middle, cut->even) : 0u);
}

void systole_outer_cut(const systole_gemm_plan_t *plan, uint32_t m, systole_cut_t *cut)
{
    if (plan->n_outer) {
        systole_cut(cut, plan->n_tiles, plan->t_block, plan->t_head, plan->t_tail);
    } else {
        systole_cut(cut, m, plan->m_block, plan->m_head, plan->m_tail);
    }
}

void systole_inner_cut(const systole_gemm_plan_t *plan, uint32_t m, bool first_pass, bool last_pass, systole_cut_t *cut)
{
    if (plan->n_outer) {
        systole_cut(cut, m, plan->m_block, first_pass ? plan->m_head : 0u, last_pass ? plan->m_tail : 0u);
    } else {
        systole_cut(cut, plan->n_tiles, plan->t_block, first_pass ? plan->t_head : 0u, last_pass ? plan->t_tail : 0u);
    }
}

void systole_part_cut(const systole_gemm_plan_t *plan, uint32_t size, bool first_block, systole_cut_t *cut)
{
    systole_cut(cut, size, plan->part_max != 0u ? plan->part_max : size, first_block ? plan->part : 0u, 0);
}

/* Where the doubling from `head` on stood before it came beyond k. */
static uint32_t doubled(uint32_t head, uint32_t k)
{
    uint32_t begin = head;
    if (k < head) return 0;
    while (begin <= k / 2u) begin *= 2u;
    return begin;
}

uint32_t systole_chunk_words(const systole_gemm_plan_t *plan, bool ramp, bool tail, uint32_t k)
{
    const uint32_t rest = plan->k_words - k;
    uint32_t end = (k / plan->k_chunk + 1u) * plan->k_chunk;

    if (end >= plan->k_words) end = plan->k_words;
    if (ramp && plan->k_head != 0u && k < plan->k_chunk) {
        const uint32_t begin = doubled(plan->k_head, k);
        end = min_u32(end, begin == 0u ? plan->k_head : 2u * begin);
    }
    if (tail && plan->k_tail != 0u && end == plan->k_words && rest > plan->k_tail) return rest - rest / 2u;
    return end - k;
}

uint32_t systole_unit_begin(const systole_gemm_plan_t *plan, const systole_operand_plan_t *operand, bool ramp, uint32_t k)
{
    if (!ramp || plan->k_head == 0u || k >= operand->piece) return k - k % operand->piece;
    return doubled(k < plan->k_chunk ? plan->k_head : plan->k_chunk, k);
}

uint32_t systole_unit_words(const systole_gemm_plan_t *plan, const systole_operand_plan_t *operand, bool ramp, uint32_t begin)
{
    uint32_t words = operand->piece;
    if (ramp && plan->k_head != 0u && begin < operand->piece) {
        if (begin < plan->k_chunk) return systole_chunk_words(plan, true, false, begin);
        words = min_u32(begin, operand->piece - begin);
    }
    return min_u32(words, plan->k_words - begin);
}

uint32_t systole_unit_count(const systole_gemm_plan_t *plan, const systole_operand_plan_t *operand, bool ramp)
{
    uint32_t count = ceil_div(plan->k_words, operand->piece), k = 0;
    if (!ramp || plan->k_head == 0u) return count;
    for (; k < min_u32(operand->piece, plan->k_words); ++count) k += systole_unit_words(plan, operand, true, k);
    return count - 1u;
}

void systole_plan_totals(systole_gemm_plan_t *plan, uint32_t m)
{
    systole_cut_t cut;
    uint32_t outers, inners, first, last;

    systole_outer_cut(plan, m, &cut);
    outers = systole_cut_count(&cut);
    systole_inner_cut(plan, m, false, false, &cut);
    inners = systole_cut_count(&cut);
    systole_inner_cut(plan, m, true, outers == 1u, &cut);
    first = systole_cut_count(&cut);
    systole_inner_cut(plan, m, false, true, &cut);
    last = outers > 1u ? systole_cut_count(&cut) : 0u;
    plan->blocks = systole_sat_add((uint64_t)first + last, outers > 2u ? (uint64_t)(outers - 2u) * inners : 0u);
    plan->m_blocks = plan->n_outer ? inners : outers;
    plan->n_blocks = plan->n_outer ? outers : inners;
}

/* --- buffers --------------------------------------------------------------------------------------------------------- */

/* One operand while a candidate is tried. */
typedef struct {
    uint32_t words;     /* of the buffer */
    uint32_t rows;      /* items of a block, at most */
    uint32_t total;     /* items in all */
    uint32_t max_piece; /* so that strides fit their fields */
} side_t;

/* Cuts an operand's buffer into slots; `first` blocks load a part of an operand that is kept for the job, the first of them each chunk
 * in `parts`. False if it does not fit that way. */
static bool place(const systole_gemm_plan_t *plan, const side_t *side, uint32_t keep, uint32_t first, uint32_t parts,
                  uint32_t outers, systole_operand_plan_t *out)
{
    uint32_t piece = plan->k_chunk, pieces, tokens;

    out->keep = keep;
    out->piece = 0;
    if (keep == SYSTOLE_KEEP_NOT) {
        piece = min_u32(piece, plan->k_words);
        if (piece > side->max_piece || piece > side->words / side->rows) return false;
        out->slot_words = piece * side->rows;
        out->slots = min_u32(side->words / out->slot_words, SYSTOLE_MAX_SLOTS / parts);
        return out->slots != 0u;
    }
    if (keep == SYSTOLE_KEEP_JOB) {
        out->piece = plan->k_words;
        if (out->piece > side->max_piece || out->piece > side->words / side->total) return false;
        out->slot_words = out->piece * side->total;
        out->slots = 1;
        return systole_unit_count(plan, out, true) * parts + first - 1u <= SYSTOLE_MAX_SLOTS;
    }
    /* Too many pieces: let a slot hold several chunks. */
    while (ceil_div(plan->k_words, piece) > SYSTOLE_MAX_SLOTS / 2u) {
        if (piece > side->max_piece / 2u) return false;
        piece *= 2u;
    }
    piece = min_u32(piece, plan->k_words);
    if (piece > side->max_piece || piece > side->words / side->rows) return false;
    out->piece = piece;
    out->slot_words = piece * side->rows;
    pieces = ceil_div(plan->k_words, piece);
    out->slots = min_u32(side->words / out->slot_words, SYSTOLE_MAX_SLOTS);
    if (out->slots < pieces) return false;
    /* The first block has a token for each part of each unit, the following ones have one for each slot. */
    tokens = systole_unit_count(plan, out, true) * parts;
    if (tokens > SYSTOLE_MAX_SLOTS) return false;
    out->slots = min_u32(out->slots, pieces + SYSTOLE_MAX_SLOTS - tokens);
    /* A block that is one piece needs a second slot, or its successor could not be loaded meanwhile. */
    return outers == 1u || out->slots > pieces || pieces > 1u;
}

/* --- search ---------------------------------------------------------------------------------------------------------- */

/* Candidates that are looked at closely. */
#define SHORT_LIST 16u
/* Those of them whose sizes are changed one by one. */
#define STARTS 2u

/* A candidate, and about how long it takes, in units of 2^shift cycles that fit 32 bits. */
typedef struct {
    uint32_t time;
    uint16_t m_block, t_block, k_chunk; /* bounded by strides of 16 bits */
    uint8_t n_outer, keep;              /* keep: of A, and 16 times of B */
} candidate_t;

typedef struct {
    const systole_capabilities_t *caps;
    const systole_gemm_t *gemm;
    systole_gemm_plan_t *best; /* if `found`; its cycles are saturated if there is none */
    bool found, refining;
    bool guarded;
    bool a_dense, b_dense, a_aligned, b_aligned; /* rows follow one another in memory; begin at beats */
    side_t a, b;
    uint64_t store;     /* cycles of all stores, at least */
    uint64_t enough;    /* a plan of so many cycles need not be bettered */
    uint32_t k_bytes;   /* bytes of a buffer word */
    uint32_t depth;     /* cycles after which an accumulator row may be read again */
    uint32_t rate_log2; /* bytes a cycle on each bus direction */
    uint32_t tile_cols; /* columns of a tile, at most N */
    uint32_t k_long;    /* words that make a long burst */
    uint32_t t_max;     /* most column tiles of a block */
    uint32_t shift;     /* of the times in the list */
    uint32_t listed;
    candidate_t list[SHORT_LIST]; /* the shortest first */
} search_t;

static void copy_operand(systole_operand_plan_t *to, const systole_operand_plan_t *from)
{
    to->keep = from->keep;
    to->slots = from->slots;
    to->slot_words = from->slot_words;
    to->piece = from->piece;
    to->loads = from->loads;
}

/* Field by field: a structure assignment may become a call of memcpy, which nobody provides. */
static void copy_plan(systole_gemm_plan_t *to, const systole_gemm_plan_t *from)
{
    to->k_words = from->k_words;
    to->n_tiles = from->n_tiles;
    to->n_outer = from->n_outer;
    to->m_block = from->m_block;
    to->m_head = from->m_head;
    to->m_tail = from->m_tail;
    to->t_block = from->t_block;
    to->t_head = from->t_head;
    to->t_tail = from->t_tail;
    to->m_blocks = from->m_blocks;
    to->n_blocks = from->n_blocks;
    to->k_chunk = from->k_chunk;
    to->k_head = from->k_head;
    to->k_tail = from->k_tail;
    to->part_rows = from->part_rows;
    to->part = from->part;
    to->part_max = from->part_max;
    to->part_end = from->part_end;
    to->acc_slots = from->acc_slots;
    to->params = from->params;
    to->params_resident = from->params_resident;
    copy_operand(&to->a, &from->a);
    copy_operand(&to->b, &from->b);
    to->blocks = from->blocks;
    to->commands = from->commands;
    to->cycles = from->cycles;
}

/* Whether four blocks fit the accumulators. Seeds and parameters are loaded for two. */
static bool four_places(const search_t *search, const systole_gemm_plan_t *plan)
{
    return !search->guarded && plan->m_block * plan->t_block <= search->caps->acc_rows / 2u;
}

/* Cycles in which a row's `words` words come in, in a burst of their own. */
static uint32_t row_cycles(const search_t *search, uint32_t words, bool aligned)
{
    const uint32_t beat_log2 = search->caps->axi_bytes_log2;
    uint32_t beats = ceil_shift(words * search->k_bytes, beat_log2);
    if (!aligned) ++beats;
    if (beats < LONG_BURST_BEATS) beats = LONG_BURST_BEATS - 1u; /* the pace of short bursts */
    return beats << (beat_log2 - search->rate_log2);
}

/* Cycles in which all rows of an operand come in once, in pieces of `words` words of K. */
static uint64_t load_once(const search_t *search, const systole_gemm_plan_t *plan, uint32_t words, uint32_t rows, bool dense,
                          bool aligned)
{
    uint64_t row;
    if (words >= plan->k_words && dense) {
        return sat_mul(rows,
                       systole_shift_right(systole_shift_left(search->gemm->k, systole_element_bytes_log2(search->gemm->a_dtype)),
                                           search->rate_log2) +
                           1u);
    }
    row = sat_mul(plan->k_words / words, row_cycles(search, words, aligned));
    if (plan->k_words % words != 0u) row += row_cycles(search, plan->k_words % words, aligned);
    return sat_mul(row, rows);
}

/* Cycles that a candidate takes, roughly. */
static uint64_t rough(const search_t *search, const systole_gemm_plan_t *plan)
{
    const uint32_t m_blocks = ceil_div(search->a.total, plan->m_block), n_blocks = ceil_div(plan->n_tiles, plan->t_block);
    const uint32_t cols = min_u32(search->b.total, plan->t_block << search->caps->cols_log2);
    const uint64_t blocks = (uint64_t)m_blocks * n_blocks;
    const uint32_t first = min_u32(plan->k_chunk, search->k_long);
    uint64_t step = max_u64((uint64_t)max_u32(plan->m_block, search->tile_cols) * plan->t_block, search->depth);
    uint64_t compute = sat_mul(sat_mul(blocks, step), plan->k_words), store = search->store, load_a, load_b, total, block;

    load_a = load_once(search, plan, plan->a.keep == SYSTOLE_KEEP_NOT ? plan->k_chunk : plan->k_words, search->a.total,
                       search->a_dense, search->a_aligned);
    load_b = load_once(search, plan, plan->b.keep == SYSTOLE_KEEP_NOT ? plan->k_chunk : plan->k_words, search->b.total,
                       search->b_dense, search->b_aligned);
    /* Of the first block: what computing cannot make up for if it sets the pace. */
    block = sat_mul(plan->k_words, (uint64_t)row_cycles(search, 1, true) * ((uint64_t)plan->m_block + cols));
    if (plan->a.keep == SYSTOLE_KEEP_NOT) load_a = sat_mul(load_a, n_blocks);
    if (plan->b.keep == SYSTOLE_KEEP_NOT) load_b = sat_mul(load_b, m_blocks);
    total = systole_sat_add(load_a, load_b);
    total = systole_sat_add(total, sat_mul(blocks, 16));
    if (total > compute) {
        total = systole_sat_add(total, sat_mul(min_u32(plan->k_chunk, 2u * search->k_long), step));
    } else {
        total = compute;
        if (block > sat_mul(step, plan->k_words)) total = systole_sat_add(total, block - sat_mul(step, plan->k_words));
    }
    if (blocks > 2u) store = systole_sat_add(store, sat_mul(blocks, (search->depth + search->tile_cols) / 2u));
    total = max_u64(total, store);
    total = systole_sat_add(total, (uint64_t)first * row_cycles(search, 1, true) * ((uint64_t)plan->m_block + cols));
    if (blocks == 1u) total = systole_sat_add(total, search->store);
    return total;
}

static uint32_t short_time(const search_t *search, uint64_t cycles)
{
    const uint64_t time = systole_shift_right(cycles, search->shift);
    return time >= UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

/* Puts a candidate on the list if it is among the best. */
static void note(search_t *search, const systole_gemm_plan_t *plan)
{
    const uint32_t time = short_time(search, rough(search, plan));
    uint32_t i = search->listed;
    candidate_t *list = search->list;

    if (i == SHORT_LIST) {
        if (time >= list[--i].time) return;
    } else {
        ++search->listed;
    }
    for (; i > 0u && list[i - 1u].time > time; --i) {
        list[i].time = list[i - 1u].time;
        list[i].m_block = list[i - 1u].m_block;
        list[i].t_block = list[i - 1u].t_block;
        list[i].k_chunk = list[i - 1u].k_chunk;
        list[i].n_outer = list[i - 1u].n_outer;
        list[i].keep = list[i - 1u].keep;
    }
    list[i].time = time;
    list[i].m_block = (uint16_t)plan->m_block;
    list[i].t_block = (uint16_t)plan->t_block;
    list[i].k_chunk = (uint16_t)plan->k_chunk;
    list[i].n_outer = plan->n_outer ? 1u : 0u;
    list[i].keep = (uint8_t)(plan->a.keep | plan->b.keep << 4);
}

/* Places a candidate whose sizes and ways to keep operands are set. False if it does not fit. */
static bool fits(search_t *search, systole_gemm_plan_t *plan)
{
    const uint32_t a_keep = plan->a.keep, b_keep = plan->b.keep;
    systole_cut_t cut;
    uint32_t first, outers, parts;

    systole_outer_cut(plan, search->a.total, &cut);
    outers = systole_cut_count(&cut);
    systole_inner_cut(plan, search->a.total, true, outers == 1u, &cut);
    first = systole_cut_count(&cut);
    if (plan->n_outer != plan->part_rows) systole_outer_cut(plan, search->a.total, &cut);
    systole_part_cut(plan, systole_cut_size(&cut, 0), true, &cut);
    parts = plan->part_max != 0u ? 1u : systole_cut_count(&cut);
    if (plan->part_max != 0u || plan->part_end != 0u) {
        /* ACC_FULL tokens of the last block. */
        const uint32_t size = plan->part_rows ? plan->m_block : plan->t_block;
        if (plan->part_max != 0u) systole_part_cut(plan, size, true, &cut);
        if (plan->part_max == 0u) systole_cut(&cut, size, size, 0, plan->part_end);
        if (systole_cut_count(&cut) > SYSTOLE_MAX_SLOTS) return false;
    }
    if (plan->part_max != 0u) {
        const uint32_t step = plan->part_max * (plan->part_rows ? plan->t_block : plan->m_block);
        if ((plan->part_rows ? a_keep : b_keep) != SYSTOLE_KEEP_NOT || plan->k_head != 0u) return false;
        /* Less than the array's depth would wait for its own sums; and commands must not become too short. */
        if (step < search->depth || step < 4u * search->depth / plan->k_chunk) return false;
    }
    if (parts > SYSTOLE_MAX_SLOTS) return false;
    if (plan->acc_slots == 4u && !four_places(search, plan)) return false;
    search->a.rows = plan->m_block;
    search->b.rows = plan->t_block;
    if (plan->part_max != 0u) {
        if (plan->part_rows) search->a.rows = min_u32(search->a.rows, plan->part_max);
        if (!plan->part_rows) search->b.rows = min_u32(search->b.rows, plan->part_max);
    }
    search->b.rows = min_u32(search->b.total, search->b.rows << search->caps->cols_log2);
    if (plan->t_block > search->t_max || plan->m_block > search->caps->acc_rows / plan->t_block) return false;
    if (search->a.rows > search->a.words || search->b.rows > search->b.words || search->a.rows > SYSTOLE_MAX_STRIDE) return false;
    if (!place(plan, &search->a, a_keep, first, plan->part_rows ? parts : 1u, outers, &plan->a)) return false;
    if (!place(plan, &search->b, b_keep, first, plan->part_rows ? 1u : parts, outers, &plan->b)) return false;
    return true;
}

/* Forecasts a candidate. True if it is the best so far. */
static bool try_plan(search_t *search, systole_gemm_plan_t *plan)
{
    uint64_t limit;

    if (!fits(search, plan)) return false;
    systole_plan_totals(plan, search->a.total);
    limit = search->best->cycles;
    if (search->found && !search->refining) limit = systole_sat_add(limit, limit >> 5); /* the list is sorted by it */
    if (!systole_forecast(search->caps, search->gemm, plan, limit)) return false;
    if (search->found && plan->cycles >= search->best->cycles) return false;
    search->found = true;
    copy_plan(search->best, plan);
    return true;
}

/* Sizes of first and last parts to begin with. */
static void usual_ends(const search_t *search, systole_gemm_plan_t *plan)
{
    const uint32_t rows = plan->m_block, tiles = plan->t_block;
    const bool many_m = rows < search->a.total, many_n = tiles < plan->n_tiles;

    plan->k_head = plan->k_chunk > search->k_long ? search->k_long : 0u;
    plan->k_tail = 0;
    plan->part_rows = false;
    plan->part = 0;
    plan->part_max = 0;
    plan->part_end = 0;
    plan->acc_slots = four_places(search, plan) ? 4u : 2u;
    plan->m_head = 0;
    plan->t_head = 0;
    plan->m_tail = 0;
    plan->t_tail = 0;
    /* The last block as small as the array's depth allows. */
    if (many_m && (plan->n_outer || !many_n)) {
        plan->m_tail = max_u32(ceil_div(search->depth, tiles), search->tile_cols);
        if (plan->m_tail >= rows) plan->m_tail = 0;
    } else if (many_n) {
        plan->t_tail = ceil_div(search->depth, rows);
        if (plan->t_tail >= tiles) plan->t_tail = 0;
    }
}

/* Notes both loop orders, chunk sizes and what to keep for a block size. */
static void note_block(search_t *search, systole_gemm_plan_t *plan)
{
    const uint32_t rows = plan->m_block, cols = min_u32(search->b.total, plan->t_block << search->caps->cols_log2);
    const bool many_m = rows < search->a.total, many_n = plan->t_block < plan->n_tiles;
    const uint32_t room_a = min_u32(search->a.words / rows, search->a.max_piece);
    const uint32_t room_b = min_u32(search->b.words / cols, search->b.max_piece);
    uint32_t turn, chunk, chunks, step;

    if (room_a == 0u || room_b == 0u) return;
    for (turn = 0; turn < 8u; ++turn) {
        const uint32_t keep_outer = (turn & 2u) != 0u ? SYSTOLE_KEEP_PASS : SYSTOLE_KEEP_NOT;
        const uint32_t keep_inner = (turn & 4u) != 0u ? SYSTOLE_KEEP_JOB : SYSTOLE_KEEP_NOT;
        bool many_inner, many_outer;
        uint32_t most_a, most_b;

        plan->n_outer = (turn & 1u) != 0u;
        many_inner = plan->n_outer ? many_m : many_n;
        many_outer = plan->n_outer ? many_n : many_m;
        /* A dimension of one block is the outer one. */
        if (plan->n_outer ? !many_m : !many_n && many_m) continue;
        /* What can be kept: the outer operand for a pass with several inner blocks, the inner one if there are several passes. */
        if (keep_outer != SYSTOLE_KEEP_NOT && !many_inner) continue;
        if (keep_inner != SYSTOLE_KEEP_NOT && !many_outer) continue;
        plan->a.keep = plan->n_outer ? keep_inner : keep_outer;
        plan->b.keep = plan->n_outer ? keep_outer : keep_inner;
        /* Chunks: what is streamed needs two slots. */
        most_a = plan->a.keep == SYSTOLE_KEEP_NOT ? max_u32(room_a / 2u, 1u) : room_a;
        most_b = plan->b.keep == SYSTOLE_KEEP_NOT ? max_u32(room_b / 2u, 1u) : room_b;
        chunk = min_u32(min_u32(most_a, most_b), plan->k_words);
        chunks = ceil_div(plan->k_words, chunk);
        for (step = 0; step < 4u; ++step) {
            plan->k_chunk = ceil_div(plan->k_words, chunks);
            usual_ends(search, plan);
            if (fits(search, plan)) note(search, plan);
            if (chunks > plan->k_words / 2u) break;
            chunks = step == 0u ? chunks + 1u : chunks * 2u - 1u;
        }
    }
}

/* Lets one operand come in parts, each in a slot of its own, so that chunks can be longer: `parts` of them a block. */
static bool split(const search_t *search, systole_gemm_plan_t *plan, bool rows, uint32_t parts)
{
    const uint32_t cols_log2 = search->caps->cols_log2, slots = min_u32(parts, 3u);
    const uint32_t size = rows ? plan->m_block : plan->t_block;
    uint32_t a_rows = plan->m_block, b_rows = min_u32(search->b.total, plan->t_block << cols_log2), a_room, b_room, chunk;

    if (parts > size) return false;
    plan->part_rows = rows;
    plan->part = 0;
    plan->part_max = ceil_div(size, parts);
    plan->k_head = 0;
    (rows ? &plan->a : &plan->b)->keep = SYSTOLE_KEEP_NOT;
    if (rows) a_rows = plan->part_max;
    if (!rows) b_rows = min_u32(search->b.total, plan->part_max << cols_log2);
    a_room = search->a.words / (a_rows * (plan->a.keep != SYSTOLE_KEEP_NOT ? 1u : rows ? slots : 2u));
    b_room = search->b.words / (b_rows * (plan->b.keep != SYSTOLE_KEEP_NOT ? 1u : rows ? 2u : slots));
    chunk = min_u32(min_u32(min_u32(a_room, search->a.max_piece), min_u32(b_room, search->b.max_piece)), plan->k_words);
    if (chunk == 0u) return false;
    plan->k_chunk = ceil_div(plan->k_words, ceil_div(plan->k_words, chunk));
    return true;
}

/* Changes one size of the best plan at a time, as long as that helps. */
static void refine(search_t *search, systole_gemm_plan_t *plan)
{
    enum {
        K_HEAD,
        K_TAIL,
        PART_TILES,
        M_HEAD,
        T_HEAD,
        M_TAIL,
        T_TAIL,
        ACC_SLOTS,
        M_BLOCK,
        T_BLOCK,
        K_CHUNK,
        PART_ROWS,
        PART_END,
        FIELDS
    };
    uint32_t field, round, value;
    bool better = true;

    for (round = 0; round < 3u && better; ++round) {
        better = false;
        for (field = 0; field < FIELDS; ++field) {
            for (value = 0; value < 7u && search->best->cycles > search->enough; ++value) {
                uint32_t *size = &plan->k_head, limit = plan->k_chunk, least = 1, next;
                copy_plan(plan, search->best);
                if (field == K_TAIL) size = &plan->k_tail;
                if (field == PART_TILES || field == PART_ROWS) size = &plan->part;
                if (field == PART_END) {
                    if (plan->part_max != 0u) break;
                    size = &plan->part_end;
                    limit = plan->part_rows ? plan->m_block : plan->t_block;
                    if (plan->part_rows) least = search->tile_cols;
                }
                if (field == T_HEAD) size = &plan->t_head;
                if (field == T_TAIL) size = &plan->t_tail;
                if (field == M_HEAD) size = &plan->m_head;
                if (field == M_TAIL) size = &plan->m_tail;
                if (field == PART_TILES || field == T_HEAD || field == T_TAIL) limit = plan->t_block;
                if (field == PART_ROWS || field == M_HEAD || field == M_TAIL) limit = plan->m_block;
                if (field == PART_ROWS || field == M_HEAD || field == M_TAIL) least = search->tile_cols;
                if (field == PART_TILES || field == PART_ROWS) {
                    const bool rows = field == PART_ROWS;
                    if (plan->part_max != 0u) limit = plan->part_max;
                    if (plan->part_rows != rows) {
                        if (plan->part_max != 0u) break;
                        plan->part_rows = rows;
                        plan->part = 0;
                    }
                }
                if ((field == PART_ROWS || field == PART_END) && value > 2u) break; /* larger ones hardly ever help */
                next = value == 0u ? 0u : least << (value - 1u);
                if (field == ACC_SLOTS) {
                    size = &plan->acc_slots;
                    next = 6u - plan->acc_slots;
                    limit = 5u;
                    value = 7u;
                }
                if (field >= M_BLOCK && field <= K_CHUNK) {
                    /* One part more or less, twice or half as many. */
                    const uint32_t total = field == M_BLOCK ? search->a.total : field == T_BLOCK ? plan->n_tiles : plan->k_words;
                    uint32_t parts;
                    size = field == M_BLOCK ? &plan->m_block : field == T_BLOCK ? &plan->t_block : &plan->k_chunk;
                    parts = ceil_div(total, *size);
                    parts = value == 0u ? parts + 1u : value == 1u ? parts - 1u : value == 2u ? parts * 2u : parts / 2u;
                    if (value > 3u) break;
                    if (parts == 0u || parts > total) continue;
                    next = ceil_div(total, parts);
                    limit = UINT32_MAX;
                }
                if (next >= limit) break;
                if (next == *size) continue;
                *size = next;
                if (try_plan(search, plan)) better = true;
            }
        }
    }
}

/* Forecasts a candidate of the list in its variants. Returns the least cycles, or saturates if there are clearly more than the best
 * plan's. */
static uint64_t try_candidate(search_t *search, systole_gemm_plan_t *plan, const candidate_t *item)
{
    uint64_t least = SYSTOLE_SATURATED;
    uint32_t turn;

    for (turn = 0; turn < 4u; ++turn) {
        plan->m_block = item->m_block;
        plan->t_block = item->t_block;
        plan->k_chunk = item->k_chunk;
        plan->n_outer = item->n_outer != 0u;
        plan->a.keep = item->keep & 15u;
        plan->b.keep = item->keep >> 4;
        usual_ends(search, plan);
        /* Without growing chunks; with two places for blocks where four fit. */
        if ((turn & 1u) != 0u) {
            if (plan->k_head == 0u) continue;
            plan->k_head = 0;
        }
        if ((turn & 2u) != 0u) {
            if (plan->acc_slots == 2u) break;
            plan->acc_slots = 2;
        }
        plan->cycles = SYSTOLE_SATURATED;
        (void)try_plan(search, plan);
        if (plan->cycles < least) least = plan->cycles;
    }
    return least;
}

/* Tries blocks whose chunks come in parts, then changes their sizes one by one. `from`: the plan to begin with. */
static void try_parts(search_t *search, systole_gemm_plan_t *plan, const systole_gemm_plan_t *from)
{
    uint32_t turn, blocks;

    for (turn = 0; turn < 2u; ++turn) {
        for (blocks = 0; blocks < 3u; ++blocks) {
            static const uint8_t counts[6] = {2, 3, 4, 6, 8, 12};
            uint32_t i;
            for (i = 0; i < 6u; ++i) {
                copy_plan(plan, from);
                /* The plan's blocks, or as many rows or tiles as fit the accumulators. */
                if (blocks == 1u)
                    plan->t_block = min_u32(search->t_max, min_u32(search->caps->acc_rows / plan->m_block, plan->n_tiles));
                if (blocks == 2u) plan->m_block = min_u32(search->a.total, search->caps->acc_rows / plan->t_block);
                if (blocks == 1u) plan->t_block = ceil_div(plan->n_tiles, ceil_div(plan->n_tiles, plan->t_block));
                if (blocks == 2u) plan->m_block = ceil_div(search->a.total, ceil_div(search->a.total, plan->m_block));
                if (!split(search, plan, turn != 0u, counts[i])) break;
                if (plan->t_block == plan->n_tiles && plan->m_block == search->a.total) {
                    plan->a.keep = SYSTOLE_KEEP_NOT;
                    plan->b.keep = SYSTOLE_KEEP_NOT;
                    (void)split(search, plan, turn != 0u, counts[i]);
                }
                if (plan->k_tail >= plan->k_chunk) plan->k_tail = 0;
                plan->part_end = 0;
                if (plan->acc_slots == 4u && !four_places(search, plan)) plan->acc_slots = 2;
                (void)try_plan(search, plan);
            }
        }
    }
    if (search->found) refine(search, plan);
}

static bool good_enough(const search_t *search) { return search->found && search->best->cycles <= search->enough; }

/* Finds the best plan: forecasts the list, then changes the sizes of the best few one by one. */
static void try_list(search_t *search, systole_gemm_plan_t *plan, systole_gemm_plan_t *other)
{
    systole_gemm_plan_t *best = search->best;
    uint32_t i, start;

    for (i = 0; i < search->listed && !good_enough(search); ++i) {
        search->list[i].time = short_time(search, try_candidate(search, plan, &search->list[i]));
    }
    if (!search->found) return;
    search->refining = true;
    for (start = 0; start < STARTS && !good_enough(search); ++start) {
        uint32_t next = 0;
        for (i = 1; i < search->listed; ++i) {
            if (search->list[i].time < search->list[next].time) next = i;
        }
        if (search->list[next].time == UINT32_MAX) break;
        if (start == 0u) {
            refine(search, plan);
        } else {
            search->best = other;
            search->found = false;
            other->cycles = SYSTOLE_SATURATED;
            (void)try_candidate(search, plan, &search->list[next]);
            if (search->found) {
                refine(search, plan);
                if (other->cycles < best->cycles) copy_plan(best, other);
            }
            search->found = true;
            search->best = best;
        }
        search->list[next].time = UINT32_MAX;
    }
    if (good_enough(search)) return;
    search->best = other;
    search->found = false;
    other->cycles = systole_sat_add(best->cycles, best->cycles >> 6);
    try_parts(search, plan, best);
    /* Of many short commands the forecast knows less. */
    if (search->found && systole_sat_add(other->cycles, other->cycles >> 7) < best->cycles) copy_plan(best, other);
    search->found = true;
    search->best = best;
}

static void search_blocks(search_t *search, systole_gemm_plan_t *plan)
{
    const systole_capabilities_t *caps = search->caps;
    const uint32_t m = search->a.total, tiles = plan->n_tiles;
    const uint32_t enough = max_u32((uint32_t)1u << caps->cols_log2, search->depth / 4u);
    uint32_t t_max, n_blocks, t_before = 0;

    t_max = min_u32(min_u32(tiles, caps->acc_rows), max_u32(caps->wgt_words >> caps->cols_log2, 1u));
    if (plan->params && !plan->params_resident) t_max = min_u32(t_max, caps->param_entries / 2u);
    search->t_max = t_max;
    if (t_max == 0u) return;

    /* Column tiles of a block: evenly cut, block counts in steps of a quarter. */
    for (n_blocks = ceil_div(tiles, t_max);;) {
        plan->t_block = ceil_div(tiles, n_blocks);
        if (plan->t_block != t_before) {
            const uint32_t m_max = min_u32(min_u32(caps->acc_rows / plan->t_block, caps->act_words), SYSTOLE_MAX_STRIDE);
            uint32_t m_blocks = ceil_div(m, m_max);
            t_before = plan->t_block;
            /* Rows: as many as fit, then halves, as long as they cover the weights' shift and the array's depth. */
            for (;;) {
                plan->m_block = ceil_div(m, m_blocks);
                note_block(search, plan);
                if (plan->m_block == 1u || m_blocks > m / 2u) break;
                if (plan->m_block <= enough && plan->m_block <= search->a.words / 2u && search->listed != 0u) {
                    break;
                }
                m_blocks *= 2u;
            }
        }
        if (plan->t_block == 1u) break;
        n_blocks = n_blocks > tiles - max_u32(n_blocks / 4u, 1u) ? tiles : n_blocks + max_u32(n_blocks / 4u, 1u);
    }
}

/* --- the plan -------------------------------------------------------------------------------------------------------- */

systole_result_t systole_gemm_plan(const systole_t *dev, const systole_gemm_t *gemm, systole_gemm_plan_t *plan)
{
    systole_gemm_plan_t candidate, other;
    search_t search;
    systole_result_t result;
    uint32_t element_log2, out_log2, word_beats, beat_mask;

    if (dev == NULL || gemm == NULL || plan == NULL) return SYSTOLE_ERR_BAD_ARG;
    result = systole_gemm_check(&dev->caps, gemm);
    if (result != SYSTOLE_OK) return result;

    element_log2 = systole_element_bytes_log2(gemm->a_dtype);
    out_log2 = systole_element_bytes_log2(gemm->epilogue.out_dtype);
    candidate.k_words = ceil_shift(gemm->k, dev->caps.word_bytes_log2 - element_log2);
    candidate.n_tiles = ceil_shift(gemm->n, dev->caps.cols_log2);
    candidate.params = gemm->bias != 0u || gemm->b_zero_points != 0u || gemm->epilogue.scales != 0u;
    candidate.params_resident = candidate.n_tiles <= min_u32(dev->caps.param_entries, MAX_RESIDENT_PARAMS);

    search.caps = &dev->caps;
    search.gemm = gemm;
    search.best = plan;
    search.found = false;
    search.refining = false;
    plan->cycles = SYSTOLE_SATURATED;
    search.listed = 0;
    search.k_bytes = (uint32_t)1u << dev->caps.word_bytes_log2;
    search.a_dense = gemm->a_pitch == (int64_t)systole_shift_left(gemm->k, element_log2);
    search.b_dense = gemm->b_pitch == (int64_t)systole_shift_left(gemm->k, element_log2);
    beat_mask = ((uint32_t)1u << dev->caps.axi_bytes_log2) - 1u;
    search.a_aligned = (((uint32_t)gemm->a | (uint32_t)gemm->a_pitch) & beat_mask) == 0u;
    search.b_aligned = (((uint32_t)gemm->b | (uint32_t)gemm->b_pitch) & beat_mask) == 0u;
    search.depth = (dev->caps.element_latency << dev->caps.rows_log2) + 3u;
    search.rate_log2 = min_u32(dev->caps.axi_bytes_log2, MEMORY_BYTES_LOG2);
    search.tile_cols = min_u32((uint32_t)1u << dev->caps.cols_log2, gemm->n);
    search.guarded = gemm->seed != 0u || (candidate.params && !candidate.params_resident);
    search.a.words = dev->caps.act_words;
    search.a.max_piece = SYSTOLE_MAX_STRIDE;
    search.a.total = gemm->m;
    search.b.words = dev->caps.wgt_words;
    search.b.max_piece = SYSTOLE_MAX_STRIDE >> dev->caps.cols_log2;
    search.b.total = gemm->n;
    search.store = systole_shift_right(sat_mul(sat_mul(gemm->m, gemm->n), (uint32_t)1u << out_log2), search.rate_log2);
    search.store = max_u64(search.store, systole_shift_right((uint64_t)gemm->m * gemm->n, dev->caps.epilogue_lanes_log2));
    word_beats = max_u32(((uint32_t)1u << dev->caps.word_bytes_log2) >> dev->caps.axi_bytes_log2, 1u);
    search.k_long = ceil_div(LONG_BURST_BEATS, word_beats);

    search.enough =
        systole_shift_right(sat_mul(systole_shift_left(gemm->k, element_log2), (uint64_t)gemm->m + gemm->n), search.rate_log2);
    search.enough = max_u64(max_u64(search.enough, search.store),
                            sat_mul(sat_mul(max_u32(gemm->m, search.tile_cols), candidate.n_tiles), candidate.k_words));
    search.enough = systole_sat_add(search.enough, (search.enough >> 10) + 250u);

    search.shift = 0;
    while (search.shift < 31u && systole_shift_right(search.enough, search.shift) >= 0x1000000u) ++search.shift;

    search_blocks(&search, &candidate);
    try_list(&search, &candidate, &other);
    if (!search.found) return SYSTOLE_ERR_UNSUPPORTED;
    return SYSTOLE_OK;
}
