/* SPDX-License-Identifier: Apache-2.0 */
/* How a matrix product is cut up: searches block sizes, chunk size and loop order by estimated time. */
#include "systole_plan.h"
#include "systole_internal.h"

/* What the estimate assumes about memory: read latency in cycles and bytes a cycle (log2). They steer the choice only. */
#define MEMORY_LATENCY 40u
#define MEMORY_BYTES_LOG2 4u
/* Cycles from the last sum of a block in the accumulators to the first read of its STORE. */
#define HANDOVER 6u

/* Column tiles whose parameters are loaded by one LOAD: 4 bytes for each of at most 64 columns fit the 24 bits of its length. */
#define MAX_RESIDENT_PARAMS 0x8000u

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

/* --- chunks ---------------------------------------------------------------------------------------------------------- */

uint32_t systole_chunk_words(const systole_gemm_plan_t *plan, bool ramp, uint32_t k)
{
    uint32_t words = plan->k_chunk;
    /* The first chunk in parts that double: 1, 1, 2, 4, … words. */
    if (ramp && k < words) words = k == 0u ? 1u : min_u32(k, words - k);
    return min_u32(words, plan->k_words - k);
}

/* Parts of the first chunk beyond one: ceil(log2 words). */
static uint32_t ramp_parts(uint32_t words)
{
    uint32_t parts = 0;
    while (((uint32_t)1u << parts) < words) ++parts;
    return parts;
}

/* --- buffers --------------------------------------------------------------------------------------------------------- */

/* One operand while a candidate is tried. */
typedef struct {
    uint32_t words;     /* of the buffer */
    uint32_t rows;      /* items of a block */
    uint32_t blocks;    /* along this operand's dimension */
    uint32_t max_piece; /* so that strides fit their fields */
    bool outer;         /* its dimension is the outer block loop */
    bool reusable;      /* the other dimension has several blocks */
    bool aligned;       /* rows begin at bus words */
    bool dense;         /* pitch equals a row's bytes */
} side_t;

/* Cuts an operand's buffer into slots. False if it does not fit that way. */
static bool place(const systole_gemm_plan_t *plan, const side_t *side, bool resident, systole_operand_plan_t *out)
{
    const uint32_t copies = resident && !side->outer ? side->blocks : 1u; /* blocks that are there at the same time */
    uint32_t piece = plan->k_chunk, needed = 1;

    if (resident) {
        if (copies > SYSTOLE_MAX_SLOTS) return false;
        /* Too many pieces: let a load cover several chunks. */
        while (ceil_div(plan->k_words, piece) > SYSTOLE_MAX_SLOTS / copies) {
            if (piece > side->max_piece / 2u) return false;
            piece *= 2u;
        }
        needed = ceil_div(plan->k_words, piece) * copies;
        /* A block that is one piece needs a second slot, or its successor could not be loaded meanwhile. */
        if (side->outer && side->blocks > 1u) needed = max_u32(needed, 2u);
    }
    piece = min_u32(piece, plan->k_words);
    if (piece > side->max_piece || side->rows > side->words || piece > side->words / side->rows) return false;
    out->resident = resident;
    out->piece = resident ? piece : 0u;
    out->slot_words = piece * side->rows;
    out->slots = min_u32(side->words / out->slot_words, SYSTOLE_MAX_SLOTS);
    if (out->slots < needed) return false;
    if (resident && !side->outer) out->slots = needed;
    return true;
}

/* --- estimate -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const systole_capabilities_t *caps;
    const systole_gemm_t *gemm;
    uint64_t k_bytes;   /* bytes of a row of A or B */
    uint32_t out_log2;  /* log2 of the bytes of a result */
    uint32_t depth;     /* cycles after which an accumulator row may be read again */
    uint32_t rate_log2; /* bytes a cycle on each bus direction */
    uint32_t tile_cols; /* columns of a tile, at most N */
} model_t;

/* Cycles in which `words` words of `rows` rows come in. */
static uint64_t load_cycles(const model_t *model, const systole_gemm_plan_t *plan, const side_t *side, uint32_t words)
{
    const uint32_t word_log2 = model->caps->word_bytes_log2, beat_log2 = model->caps->axi_bytes_log2;
    const uint32_t max_reads = model->caps->max_reads;
    uint64_t beats, cycles;

    if (words == plan->k_words && side->dense) {
        return systole_shift_right(side->rows * model->k_bytes, model->rate_log2) + 1u;
    }
    beats = systole_shift_right(systole_shift_left(words, word_log2) - 1u, beat_log2) + 1u;
    if (!side->aligned) ++beats;
    cycles = beats * ((uint32_t)1u << (beat_log2 - model->rate_log2));
    /* Short bursts: no more than max_reads of them in a latency. */
    if (cycles * max_reads < MEMORY_LATENCY + cycles) {
        cycles = (MEMORY_LATENCY + (uint32_t)cycles + max_reads - 1u) / max_reads;
    }
    return cycles * side->rows;
}

/* Cycles in which a whole block's operand comes in. */
static uint64_t block_load_cycles(const model_t *model, const systole_gemm_plan_t *plan, const side_t *side, uint32_t piece)
{
    const uint32_t words = min_u32(piece != 0u ? piece : plan->k_chunk, plan->k_words);
    const uint32_t full = plan->k_words / words, rest = plan->k_words - full * words;
    uint64_t cycles = full * load_cycles(model, plan, side, words);
    if (rest != 0u) cycles += load_cycles(model, plan, side, rest);
    return cycles;
}

/* Cycles that the ramp's short bursts cost. */
static uint64_t ramp_cycles(const model_t *model, const systole_gemm_plan_t *plan, const side_t *side)
{
    uint64_t cycles = 0;
    uint32_t k;
    for (k = 0; k < plan->k_chunk;) {
        const uint32_t words = systole_chunk_words(plan, true, k);
        cycles += load_cycles(model, plan, side, words);
        k += words;
    }
    return cycles - load_cycles(model, plan, side, plan->k_chunk);
}

/* Cycles in which `rows` rows of `tiles` column tiles go out: at the pace of the bus, of short bursts, or of the epilogue. */
static uint64_t store_cycles(const model_t *model, uint32_t rows, uint32_t tiles)
{
    const uint32_t beat_log2 = model->caps->axi_bytes_log2, max_writes = model->caps->max_writes;
    const uint32_t columns = min_u32(tiles << model->caps->cols_log2, model->gemm->n);
    uint32_t cycles = ceil_shift(columns << model->out_log2, beat_log2) << (beat_log2 - model->rate_log2);

    if (cycles * max_writes < MEMORY_LATENCY + cycles) cycles = (MEMORY_LATENCY + cycles + max_writes - 1u) / max_writes;
    cycles = max_u32(cycles, ceil_shift(columns, model->caps->epilogue_lanes_log2));
    return (uint64_t)cycles * rows;
}

/* Cycles of one block in the steady state. */
static uint64_t block_cycles(bool serial, uint64_t compute, uint64_t load, uint64_t store)
{
    return max_u64(serial ? compute + load : max_u64(compute, load), store);
}

/* Estimated cycles of the job, from doorbell to interrupt; *cost gets them with a preference for less and longer traffic. */
static uint64_t estimate(const model_t *model, const systole_gemm_plan_t *plan, const side_t *a, const side_t *b, uint64_t *cost)
{
    const uint32_t chunk = min_u32(plan->k_chunk, plan->k_words);
    const uint32_t chunks = ceil_div(plan->k_words, chunk), cols_log2 = model->caps->cols_log2;
    const uint32_t last_rows = model->gemm->m - (plan->m_blocks - 1u) * plan->m_block;
    const uint32_t first_a = plan->a.resident ? plan->a.piece : plan->ramp ? 1u : chunk;
    const uint32_t first_b = plan->b.resident ? plan->b.piece : plan->ramp ? 1u : chunk;
    const uint64_t record = SYSTOLE_COMMAND_BYTES >> model->rate_log2;
    const uint64_t load_a = block_load_cycles(model, plan, a, plan->a.piece);
    const uint64_t load_b = block_load_cycles(model, plan, b, plan->b.piece);
    const uint32_t outers = plan->n_outer ? plan->n_blocks : plan->m_blocks;
    const uint32_t inners = plan->n_outer ? plan->m_blocks : plan->n_blocks;
    const bool outer_resident = plan->n_outer ? plan->b.resident : plan->a.resident;
    const bool inner_resident = plan->n_outer ? plan->a.resident : plan->b.resident;
    const uint64_t load_outer = plan->n_outer ? load_b : load_a, load_inner = plan->n_outer ? load_a : load_b;
    const bool serial = (!plan->a.resident && plan->a.slots < 2u) || (!plan->b.resident && plan->b.slots < 2u);
    uint64_t records, compute, compute_last, store, end, steady, pass, total, traffic, start, first, inner, extra;
    uint32_t tile, tile_last;

    /* A tile takes as long as its rows or the next tile's weights; the same rows again not before the array's depth. */
    tile = max_u32(plan->m_block, model->tile_cols);
    tile_last = max_u32(last_rows, model->tile_cols);
    if (plan->t_block < model->depth) {
        const uint32_t least = ceil_div(model->depth, plan->t_block);
        tile = max_u32(tile, least);
        tile_last = max_u32(tile_last, least);
    }
    compute = (uint64_t)plan->k_words * plan->t_block * tile;
    compute_last = (uint64_t)plan->k_words * plan->t_block * tile_last;
    store = store_cycles(model, plan->m_block, plan->t_block);
    /* A half of the accumulators is free for a third block when the first one's last sums have left the array and are read. */
    if ((uint64_t)plan->m_blocks * plan->n_blocks > 2u) store += model->depth + model->tile_cols + HANDOVER;
    records = record * (chunks + 1u);
    if (!outer_resident) records += record * chunks;
    if (!inner_resident) records += record * chunks;

    /* Steady state: the first block (nothing to store yet), the first pass of the inner loop, first blocks of the other passes, the
     * rest. */
    inner = inner_resident ? 0u : load_inner;
    extra = outer_resident ? 0u : load_outer;
    first = load_outer + load_inner + records;
    if (plan->ramp) {
        first += record * 3u * ramp_parts(chunk);
        if (!plan->a.resident) first += ramp_cycles(model, plan, a);
        if (!plan->b.resident) first += ramp_cycles(model, plan, b);
    }
    steady = block_cycles(serial, compute, first, 0);
    steady = systole_sat_add(steady, sat_mul(inners - 1u, block_cycles(serial, compute, extra + load_inner + records, store)));
    pass = block_cycles(serial, compute, load_outer + inner + records, store);
    pass = systole_sat_add(pass, sat_mul(inners - 1u, block_cycles(serial, compute, extra + inner + records, store)));
    steady = systole_sat_add(steady, sat_mul(outers - 1u, pass));
    /* The last row block is smaller. */
    if (plan->m_blocks > 1u && compute >= load_a + load_b + records && compute >= store && !serial) {
        const uint64_t less = sat_mul(compute - compute_last, plan->n_blocks);
        steady = less < steady ? steady - less : steady;
    }

    /* The begin: two records and the first chunk come in. The end: the last block is stored; if loads set the pace, the last chunk is
     * computed before. (A block cannot be stored piecemeal: the array has the accumulators' read port while it adds to that half.) */
    start = 2u * MEMORY_LATENCY + 20u + load_cycles(model, plan, a, first_a) + load_cycles(model, plan, b, first_b);
    end = store_cycles(model, last_rows, plan->t_block) + MEMORY_LATENCY + model->depth + model->tile_cols;
    if (load_a + load_b + records > compute)
        end += chunk * plan->t_block * tile_last; /* 32 bits: 2^16 words of weights, 2^15 rows */

    total = systole_sat_add(systole_sat_add(start, steady), end);

    traffic = sat_mul(systole_sat_add(load_outer, sat_mul(inners - 1u, extra)), outers);
    traffic = systole_sat_add(traffic, sat_mul(sat_mul(load_inner, inners), inner_resident ? 1u : outers));
    {
        const uint64_t bursts = sat_mul(sat_mul((uint64_t)chunks * plan->m_block, plan->m_blocks), plan->n_blocks);
        const uint64_t bursts_b =
            sat_mul(sat_mul((uint64_t)chunks * (plan->t_block << cols_log2), plan->m_blocks), plan->n_blocks);
        traffic = systole_sat_add(traffic >> 8,
                                  systole_sat_add(plan->a.resident ? 0u : bursts >> 5, plan->b.resident ? 0u : bursts_b >> 5));
    }
    *cost = systole_sat_add(total, traffic);
    return total;
}

/* --- search ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    model_t model;
    systole_gemm_plan_t *best;
    uint64_t best_cost;
    bool found;
} search_t;

static void copy_operand(systole_operand_plan_t *to, const systole_operand_plan_t *from)
{
    to->resident = from->resident;
    to->slots = from->slots;
    to->slot_words = from->slot_words;
    to->piece = from->piece;
    to->loads = from->loads;
}

/* Tries one way to keep operands; false if it does not fit. */
static bool try_residency(search_t *search, systole_gemm_plan_t *plan, const side_t *a, const side_t *b, bool keep_a, bool keep_b)
{
    systole_gemm_plan_t *best = search->best;
    uint64_t cost, cycles;

    if (!place(plan, a, keep_a, &plan->a) || !place(plan, b, keep_b, &plan->b)) return false;
    plan->ramp = plan->k_chunk > 1u && !(keep_a && keep_b);
    cycles = estimate(&search->model, plan, a, b, &cost);
    if (search->found && cost >= search->best_cost) return true;
    search->found = true;
    search->best_cost = cost;
    best->n_outer = plan->n_outer;
    best->m_block = plan->m_block;
    best->m_blocks = plan->m_blocks;
    best->t_block = plan->t_block;
    best->n_blocks = plan->n_blocks;
    best->k_chunk = plan->k_chunk;
    best->ramp = plan->ramp;
    copy_operand(&best->a, &plan->a);
    copy_operand(&best->b, &plan->b);
    best->cycles = cycles;
    return true;
}

static void try_chunk(search_t *search, systole_gemm_plan_t *plan, side_t *a, side_t *b, uint32_t chunk)
{
    const uint32_t chunk_bytes = chunk << search->model.caps->word_bytes_log2;
    const uint32_t offset_mask = ((uint32_t)1u << search->model.caps->axi_bytes_log2) - 1u;
    const systole_gemm_t *gemm = search->model.gemm;
    bool keep_a, keep_b;

    plan->k_chunk = chunk;
    a->aligned = (((uint32_t)gemm->a | (uint32_t)gemm->a_pitch | chunk_bytes) & offset_mask) == 0u;
    b->aligned = (((uint32_t)gemm->b | (uint32_t)gemm->b_pitch | chunk_bytes) & offset_mask) == 0u;
    for (plan->n_outer = false;; plan->n_outer = true) {
        a->outer = !plan->n_outer;
        b->outer = plan->n_outer;
        keep_a = a->reusable;
        keep_b = b->reusable;
        if (!try_residency(search, plan, a, b, keep_a, keep_b)) {
            if (keep_a && keep_b) {
                (void)try_residency(search, plan, a, b, true, false);
                (void)try_residency(search, plan, a, b, false, true);
            }
            if (keep_a || keep_b) (void)try_residency(search, plan, a, b, false, false);
        }
        if (plan->n_outer) break;
    }
}

static void try_block(search_t *search, systole_gemm_plan_t *plan, side_t *a, side_t *b)
{
    const systole_capabilities_t *caps = search->model.caps;
    const uint32_t cols = min_u32(search->model.gemm->n, plan->t_block << caps->cols_log2);
    uint32_t chunk, chunks, step;

    a->rows = plan->m_block;
    a->blocks = plan->m_blocks;
    a->reusable = plan->n_blocks > 1u;
    b->rows = cols;
    b->blocks = plan->n_blocks;
    b->reusable = plan->m_blocks > 1u;

    chunk = min_u32(b->words / (2u * b->rows), a->words / (2u * a->rows));
    chunk = max_u32(min_u32(min_u32(chunk, plan->k_words), min_u32(a->max_piece, b->max_piece)), 1u);
    chunks = ceil_div(plan->k_words, chunk);
    for (step = 0; step < 3u; ++step) {
        try_chunk(search, plan, a, b, ceil_div(plan->k_words, chunks));
        if (chunks > plan->k_words / 2u) break;
        chunks *= 2u;
    }
}

static void search_blocks(search_t *search, systole_gemm_plan_t *plan)
{
    const systole_capabilities_t *caps = search->model.caps;
    const uint32_t m = search->model.gemm->m, tiles = plan->n_tiles;
    const uint32_t enough = max_u32((uint32_t)1u << caps->cols_log2, search->model.depth);
    uint32_t t_max, n_blocks, t_before = 0;
    side_t a, b;

    a.words = caps->act_words;
    a.max_piece = SYSTOLE_MAX_STRIDE;
    a.dense = search->model.gemm->a_pitch == (int64_t)search->model.k_bytes;
    b.words = caps->wgt_words;
    b.max_piece = SYSTOLE_MAX_STRIDE >> caps->cols_log2;
    b.dense = search->model.gemm->b_pitch == (int64_t)search->model.k_bytes;

    t_max = min_u32(min_u32(tiles, caps->acc_rows), max_u32(caps->wgt_words >> caps->cols_log2, 1u));
    if (plan->params && !plan->params_resident) t_max = min_u32(t_max, caps->param_entries / 2u);
    if (t_max == 0u) return;

    /* Column tiles of a block: evenly cut, block counts in steps of a quarter. */
    for (n_blocks = ceil_div(tiles, t_max);;) {
        plan->t_block = ceil_div(tiles, n_blocks);
        if (plan->t_block != t_before) {
            const uint32_t m_max = min_u32(min_u32(caps->acc_rows / plan->t_block, caps->act_words), SYSTOLE_MAX_STRIDE);
            uint32_t m_blocks = ceil_div(m, m_max);
            t_before = plan->t_block;
            plan->n_blocks = ceil_div(tiles, plan->t_block);
            /* Rows: as many as fit, then halves, as long as they cover the weights' shift and the array's depth. */
            for (;;) {
                plan->m_block = ceil_div(m, m_blocks);
                plan->m_blocks = ceil_div(m, plan->m_block);
                try_block(search, plan, &a, &b);
                if (plan->m_block == 1u || m_blocks > m / 2u) break;
                if (plan->m_block <= enough && plan->m_block <= a.words / 2u && search->found) break;
                m_blocks *= 2u;
            }
        }
        if (plan->t_block == 1u) break;
        n_blocks = n_blocks > tiles - max_u32(n_blocks / 4u, 1u) ? tiles : n_blocks + max_u32(n_blocks / 4u, 1u);
    }
}

/* --- the plan -------------------------------------------------------------------------------------------------------- */

static uint64_t operand_loads(const systole_gemm_plan_t *plan, const systole_operand_plan_t *operand, bool outer)
{
    if (operand->resident) {
        const uint32_t blocks = outer == plan->n_outer ? plan->n_blocks : plan->m_blocks;
        return sat_mul(blocks, ceil_div(plan->k_words, operand->piece));
    }
    return systole_sat_add(sat_mul(sat_mul(plan->n_blocks, plan->m_blocks), ceil_div(plan->k_words, plan->k_chunk)),
                           plan->ramp ? ramp_parts(plan->k_chunk) : 0u);
}

systole_result_t systole_gemm_plan(const systole_t *dev, const systole_gemm_t *gemm, systole_gemm_plan_t *plan)
{
    systole_gemm_plan_t candidate;
    search_t search;
    systole_result_t result;
    uint32_t element_log2;

    if (dev == NULL || gemm == NULL || plan == NULL) return SYSTOLE_ERR_BAD_ARG;
    result = systole_gemm_check(&dev->caps, gemm);
    if (result != SYSTOLE_OK) return result;

    element_log2 = systole_element_bytes_log2(gemm->a_dtype);
    candidate.k_words = ceil_shift(gemm->k, dev->caps.word_bytes_log2 - element_log2);
    candidate.n_tiles = ceil_shift(gemm->n, dev->caps.cols_log2);
    candidate.params = gemm->bias != 0u || gemm->b_zero_points != 0u || gemm->epilogue.scales != 0u;
    candidate.params_resident = candidate.n_tiles <= min_u32(dev->caps.param_entries, MAX_RESIDENT_PARAMS);
    candidate.a.loads = 0;
    candidate.b.loads = 0;
    candidate.ramp = false;

    search.model.caps = &dev->caps;
    search.model.gemm = gemm;
    search.model.k_bytes = systole_shift_left(gemm->k, element_log2);
    search.model.out_log2 = systole_element_bytes_log2(gemm->epilogue.out_dtype);
    search.model.depth = (dev->caps.element_latency << dev->caps.rows_log2) + 3u;
    search.model.rate_log2 = min_u32(dev->caps.axi_bytes_log2, MEMORY_BYTES_LOG2);
    search.model.tile_cols = min_u32((uint32_t)1u << dev->caps.cols_log2, gemm->n);
    search.best = plan;
    search.best_cost = SYSTOLE_SATURATED;
    search.found = false;
    search_blocks(&search, &candidate);
    if (!search.found) return SYSTOLE_ERR_UNSUPPORTED;

    plan->k_words = candidate.k_words;
    plan->n_tiles = candidate.n_tiles;
    plan->params = candidate.params;
    plan->params_resident = candidate.params_resident;
    plan->a.loads = operand_loads(plan, &plan->a, !plan->n_outer);
    plan->b.loads = operand_loads(plan, &plan->b, plan->n_outer);
    return SYSTOLE_OK;
}
