/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the records of a matrix product, one after another, from a plan. Two cursors walk the same sequence of chunks: one
 * emits loads, the other MATMULs and STOREs; the first is at most LEAD chunks ahead, and never so far that a load
 * would wait for a token whose giver is not in the ring yet. docs/driver.md has the token protocol. */
#include "systole_internal.h"
#include "systole_plan.h"

/* Chunks that loads may be ahead in the ring. More would put a MATMUL behind loads that do not fit the load queue. */
#define LEAD 2u

/* Binary32 bounds that clamp nothing. */
#define FLOAT_INFINITY 0x7F800000u
#define FLOAT_MINUS_INFINITY 0xFF800000u

/* A place in the sequence: for outer block: for inner block: for chunk of K. */
typedef struct {
    uint32_t outer, inner;   /* block indices */
    uint32_t k;              /* first word of the chunk */
    uint32_t a_slot, b_slot; /* slots of the current pieces */
    uint32_t a_base, b_base; /* slots of the first pieces of a resident outer operand */
    uint64_t block;          /* blocks before this one */
    uint64_t chunk;          /* chunks before this one */
} cursor_t;

/* The chunk under a cursor. */
typedef struct {
    uint32_t row, rows;       /* of the block in C */
    uint32_t tile, tiles;     /* column tiles */
    uint32_t column, columns; /* columns */
    uint32_t words;           /* of K */
    bool first, last;         /* chunk of its block */
} chunk_t;

/* One operand's part in a chunk. */
typedef struct {
    uint32_t offset; /* of the chunk in its piece, in words */
    uint32_t words;  /* of the piece */
    bool load;       /* the piece must be loaded for this chunk */
    bool done;       /* the chunk is the last user of the piece */
    bool ends;       /* the chunk is the last one of the piece */
} part_t;

typedef struct {
    systole_t *dev; /* NULL: only count */
    const systole_capabilities_t *caps;
    const systole_gemm_t *gemm;
    const systole_gemm_plan_t *plan;
    uint32_t element_log2, out_log2; /* bytes of an operand's and of a result's element */
    uint32_t word_elements_log2;     /* elements of a buffer word */
    uint32_t outers, inners;
    uint64_t blocks, blocks_done;
    uint64_t a_loads, b_loads; /* operand loads emitted */
    uint64_t a_frees, b_frees; /* FREE tokens that emitted MATMULs give */
    bool array_params;         /* bias or zero points: parameters that MATMULs read */
    bool store_params;         /* scales and shifts, which STOREs read */
    bool guarded;              /* a block's seeds or parameters wait for the STORE of the block two before */
    uint32_t first_wait;       /* tokens that the next LOAD takes besides its own */
    uint32_t count;
    cursor_t load, compute;
    uint32_t record[SYSTOLE_COMMAND_WORDS];
    systole_result_t result;
} generator_t;

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* --- the sequence of chunks -------------------------------------------------------------------------------------------- */

static void clear_cursor(cursor_t *cursor)
{
    cursor->outer = 0;
    cursor->inner = 0;
    cursor->k = 0;
    cursor->a_slot = 0;
    cursor->b_slot = 0;
    cursor->a_base = 0;
    cursor->b_base = 0;
    cursor->block = 0;
    cursor->chunk = 0;
}

static void look_at_chunk(const generator_t *gen, const cursor_t *cursor, chunk_t *chunk)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const uint32_t m_index = plan->n_outer ? cursor->inner : cursor->outer;
    const uint32_t n_index = plan->n_outer ? cursor->outer : cursor->inner;

    chunk->row = m_index * plan->m_block;
    chunk->rows = min_u32(plan->m_block, gen->gemm->m - chunk->row);
    chunk->tile = n_index * plan->t_block;
    chunk->tiles = min_u32(plan->t_block, plan->n_tiles - chunk->tile);
    chunk->column = chunk->tile << gen->caps->cols_log2;
    chunk->columns = min_u32(gen->gemm->n - chunk->column, chunk->tiles << gen->caps->cols_log2);
    chunk->words = systole_chunk_words(plan, plan->ramp && cursor->block == 0u, cursor->k);
    chunk->first = cursor->k == 0u;
    chunk->last = cursor->k + chunk->words == plan->k_words;
}

static void look_at_part(const generator_t *gen, const cursor_t *cursor, const chunk_t *chunk,
                         const systole_operand_plan_t *operand, bool outer, part_t *part)
{
    bool load = true, done = true;

    if (operand->resident) {
        load = outer ? cursor->inner == 0u : cursor->outer == 0u;
        done = outer ? cursor->inner + 1u == gen->inners : cursor->outer + 1u == gen->outers;
    }
    if (operand->piece == 0u) {
        part->offset = 0;
        part->words = chunk->words;
    } else {
        part->offset = cursor->k % operand->piece;
        part->words = min_u32(operand->piece, gen->plan->k_words - (cursor->k - part->offset));
    }
    part->ends = part->offset + chunk->words == part->words;
    part->load = load && part->offset == 0u;
    part->done = done && part->ends;
}

static void advance_slot(const systole_operand_plan_t *operand, const part_t *part, uint32_t *slot)
{
    if (part->ends && ++*slot == operand->slots) *slot = 0;
}

static void advance(const generator_t *gen, cursor_t *cursor, const chunk_t *chunk, const part_t *a, const part_t *b)
{
    const systole_gemm_plan_t *plan = gen->plan;
    bool pass;

    advance_slot(&plan->a, a, &cursor->a_slot);
    advance_slot(&plan->b, b, &cursor->b_slot);
    ++cursor->chunk;
    if (!chunk->last) {
        cursor->k += chunk->words;
        return;
    }
    cursor->k = 0;
    ++cursor->block;
    pass = cursor->inner + 1u == gen->inners;
    /* The resident outer operand is used again from its first piece; after the last inner block the next one follows it. */
    if (plan->a.resident && !plan->n_outer) {
        if (pass) cursor->a_base = cursor->a_slot;
        cursor->a_slot = cursor->a_base;
    }
    if (plan->b.resident && plan->n_outer) {
        if (pass) cursor->b_base = cursor->b_slot;
        cursor->b_slot = cursor->b_base;
    }
    if (pass) {
        cursor->inner = 0;
        ++cursor->outer;
    } else {
        ++cursor->inner;
    }
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
    if (gen->count != UINT32_MAX) ++gen->count;
    if (gen->dev != NULL && gen->result == SYSTOLE_OK) gen->result = systole_ring_push(gen->dev, gen->record);
}

static void emit_load(generator_t *gen, uint32_t dest, uint32_t bank, uint32_t word, uint64_t address, uint32_t length,
                      uint32_t count, int64_t pitch, uint32_t wait, uint32_t give)
{
    begin_record(gen, SYSTOLE_OPCODE_LOAD, wait | gen->first_wait, give);
    gen->first_wait = 0;
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
static uint32_t param_entry(const generator_t *gen, const cursor_t *cursor, const chunk_t *chunk)
{
    if (gen->plan->params_resident) return chunk->tile;
    return (cursor->block & 1u) != 0u ? gen->caps->param_entries >> 1 : 0u;
}

static uint32_t acc_row(const generator_t *gen, const cursor_t *cursor)
{
    return (cursor->block & 1u) != 0u ? gen->caps->acc_rows : 0u;
}

/* Whether this chunk brings the bias and zero points of its block's columns. */
static bool loads_array_params(const generator_t *gen, const cursor_t *cursor, const chunk_t *chunk)
{
    if (!gen->array_params || !chunk->first) return false;
    if (!gen->plan->params_resident) return true;
    return gen->plan->n_outer ? cursor->inner == 0u : cursor->outer == 0u;
}

/* Whether this chunk brings scales and shifts. Nobody needs them before the block's STORE, so they come last. If the banks hold
 * all of N, the first block brings all: one PARAM_FULL token a job, however far loads run ahead of stores. */
static bool loads_store_params(const generator_t *gen, const cursor_t *cursor, const chunk_t *chunk)
{
    return gen->store_params && chunk->last && (cursor->block == 0u || !gen->plan->params_resident);
}

/* Whether this chunk's first load of seeds or parameters must wait until the block two before, which used the same half, is
 * complete. */
static bool takes_guard(const generator_t *gen, const cursor_t *cursor, const chunk_t *chunk)
{
    const bool early =
        gen->gemm->seed != 0u || gen->array_params; /* such loads come with the block's first chunk, else the last */
    return gen->guarded && cursor->block >= 2u && (early ? chunk->first : chunk->last);
}

static void emit_array_params(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk, uint32_t wait, uint32_t give)
{
    const uint32_t entry = param_entry(gen, cursor, chunk);
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

static void emit_store_params(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk, uint32_t wait)
{
    const systole_epilogue_t *epilogue = &gen->gemm->epilogue;
    const bool all = gen->plan->params_resident;
    const uint32_t entry = all ? 0u : param_entry(gen, cursor, chunk);
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
static void emit_seed(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk, uint32_t wait, uint32_t give)
{
    const uint32_t cols_log2 = gen->caps->cols_log2, cols = (uint32_t)1u << cols_log2;
    const uint32_t full = chunk->columns >> cols_log2, rest = chunk->columns - (full << cols_log2);
    const uint64_t address =
        gen->gemm->seed + (uint64_t)((int64_t)chunk->row * gen->gemm->seed_pitch) + (uint64_t)chunk->column * 4u;
    const int64_t pitch = chunk->rows > 1u ? gen->gemm->seed_pitch : 0;
    uint32_t row = acc_row(gen, cursor);

    if (full != 0u) {
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
        row += full * chunk->rows;
    }
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

/* All loads of the chunk under the load cursor. */
static void emit_chunk_loads(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk, const part_t *a, const part_t *b)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const systole_gemm_t *gemm = gen->gemm;
    const uint64_t offset = systole_shift_left(cursor->k, gen->caps->word_bytes_log2);
    const bool seed = gemm->seed != 0u && chunk->first, params = loads_array_params(gen, cursor, chunk);
    uint32_t guard = takes_guard(gen, cursor, chunk) ? SYSTOLE_TOKEN_MEM_DONE : 0u;

    if (params) {
        emit_array_params(gen, cursor, chunk, guard, b->load ? 0u : SYSTOLE_TOKEN_WGT_FULL);
        guard = 0;
    }
    if (b->load) {
        emit_load(gen, SYSTOLE_DEST_WGT, 0, cursor->b_slot * plan->b.slot_words,
                  gemm->b + (uint64_t)((int64_t)chunk->column * gemm->b_pitch) + offset, piece_bytes(gen, cursor->k, b->words),
                  chunk->columns, gemm->b_pitch, gen->b_loads >= plan->b.slots ? SYSTOLE_TOKEN_WGT_FREE : 0u,
                  SYSTOLE_TOKEN_WGT_FULL);
        ++gen->b_loads;
    }
    if (a->load) {
        emit_load(gen, SYSTOLE_DEST_ACT, 0, cursor->a_slot * plan->a.slot_words,
                  gemm->a + (uint64_t)((int64_t)chunk->row * gemm->a_pitch) + offset, piece_bytes(gen, cursor->k, a->words),
                  chunk->rows, gemm->a_pitch, gen->a_loads >= plan->a.slots ? SYSTOLE_TOKEN_ACT_FREE : 0u,
                  seed ? 0u : SYSTOLE_TOKEN_ACT_FULL);
        ++gen->a_loads;
    }
    if (seed) {
        emit_seed(gen, cursor, chunk, guard, SYSTOLE_TOKEN_ACT_FULL);
        guard = 0;
    }
    if (loads_store_params(gen, cursor, chunk)) emit_store_params(gen, cursor, chunk, guard);
}

static void emit_matmul(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk, const part_t *a, const part_t *b,
                        uint32_t wait, uint32_t give)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const systole_gemm_t *gemm = gen->gemm;
    const uint32_t cols_log2 = gen->caps->cols_log2;
    uint32_t seed = SYSTOLE_SEED_KEEP;

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
    SYSTOLE_SET(gen->record, MATMUL_ACT, cursor->a_slot * plan->a.slot_words + a->offset);
    SYSTOLE_SET(gen->record, MATMUL_WGT, cursor->b_slot * plan->b.slot_words + b->offset);
    SYSTOLE_SET(gen->record, MATMUL_ACC, acc_row(gen, cursor));
    if (gen->array_params) SYSTOLE_SET(gen->record, MATMUL_PARAM, param_entry(gen, cursor, chunk));
    SYSTOLE_SET(gen->record, MATMUL_M0, chunk->rows);
    SYSTOLE_SET(gen->record, MATMUL_M1, 1);
    SYSTOLE_SET(gen->record, MATMUL_ACT_M0_STRIDE, a->words);
    SYSTOLE_SET(gen->record, MATMUL_K0, chunk->words);
    SYSTOLE_SET(gen->record, MATMUL_K1, 1);
    SYSTOLE_SET(gen->record, MATMUL_ACT_K0_STRIDE, 1);
    SYSTOLE_SET(gen->record, MATMUL_WGT_K0_STRIDE, 1);
    SYSTOLE_SET(gen->record, MATMUL_N, chunk->tiles);
    SYSTOLE_SET(gen->record, MATMUL_K_TAIL,
                chunk->last ? piece_bytes(gen, plan->k_words - 1u, 1) : (uint32_t)1u << gen->caps->word_bytes_log2);
    SYSTOLE_SET(gen->record, MATMUL_N_TAIL, chunk->columns - ((chunk->tiles - 1u) << cols_log2));
    SYSTOLE_SET(gen->record, MATMUL_WGT_N_STRIDE, b->words << cols_log2);
    SYSTOLE_SET(gen->record, MATMUL_WGT_COL_STRIDE, b->words);
    SYSTOLE_SET(gen->record, MATMUL_ACC_N_STRIDE, chunk->rows);
    end_record(gen);
}

/* The epilogue's fields of a STORE. */
static void set_epilogue(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk)
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
            SYSTOLE_SET(gen->record, STORE_PARAM, param_entry(gen, cursor, chunk));
        } else {
            SYSTOLE_SET(gen->record, STORE_SCALE, epilogue->scale);
            SYSTOLE_SET(gen->record, STORE_SHIFT, epilogue->shift);
        }
    }
    SYSTOLE_SET(gen->record, STORE_CLAMP_MIN, epilogue->clamp ? epilogue->clamp_min : low);
    SYSTOLE_SET(gen->record, STORE_CLAMP_MAX, epilogue->clamp ? epilogue->clamp_max : high);
}

static void emit_store(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk, uint32_t wait, uint32_t give, bool irq)
{
    const systole_gemm_t *gemm = gen->gemm;
    const uint64_t address =
        gemm->c + (uint64_t)((int64_t)chunk->row * gemm->c_pitch) + systole_shift_left(chunk->column, gen->out_log2);

    begin_record(gen, SYSTOLE_OPCODE_STORE, wait, give);
    if (irq) SYSTOLE_SET(gen->record, CMD_IRQ, 1);
    SYSTOLE_SET(gen->record, STORE_ADDRESS_LO, address);
    SYSTOLE_SET(gen->record, STORE_ADDRESS_HI, address >> 32);
    SYSTOLE_SET(gen->record, STORE_ACC, acc_row(gen, cursor));
    SYSTOLE_SET(gen->record, STORE_ACC_N_STRIDE, chunk->rows);
    SYSTOLE_SET(gen->record, STORE_M0, chunk->rows);
    SYSTOLE_SET(gen->record, STORE_M1, 1);
    SYSTOLE_SET(gen->record, STORE_PITCH0, chunk->rows > 1u ? gemm->c_pitch : 0);
    SYSTOLE_SET(gen->record, STORE_N, chunk->tiles);
    SYSTOLE_SET(gen->record, STORE_N_TAIL, chunk->columns - ((chunk->tiles - 1u) << gen->caps->cols_log2));
    set_epilogue(gen, cursor, chunk);
    end_record(gen);
}

/* The MATMUL of the chunk under the compute cursor and, after a block's last chunk, its STORE. */
static void emit_chunk_compute(generator_t *gen, const cursor_t *cursor, const chunk_t *chunk, const part_t *a, const part_t *b)
{
    const systole_gemm_plan_t *plan = gen->plan;
    const bool seed = gen->gemm->seed != 0u && chunk->first, params = loads_array_params(gen, cursor, chunk);
    const bool job_ends = cursor->block + 1u == gen->blocks && chunk->last;
    const bool successor = cursor->block + 2u < gen->blocks; /* some block will use this accumulator half again */
    uint32_t wait = 0, give = 0, store_wait = SYSTOLE_TOKEN_ACC_FULL, store_give = 0;

    if (a->load || seed) wait |= SYSTOLE_TOKEN_ACT_FULL;
    if (b->load || params) wait |= SYSTOLE_TOKEN_WGT_FULL;
    if (chunk->first && cursor->block >= 2u) wait |= SYSTOLE_TOKEN_ACC_FREE;
    if (a->done && gen->a_frees + plan->a.slots < plan->a.loads) {
        give |= SYSTOLE_TOKEN_ACT_FREE;
        ++gen->a_frees;
    }
    if (b->done && gen->b_frees + plan->b.slots < plan->b.loads) {
        give |= SYSTOLE_TOKEN_WGT_FREE;
        ++gen->b_frees;
    }
    if (loads_store_params(gen, cursor, chunk)) store_wait |= SYSTOLE_TOKEN_PARAM_FULL;
    if (successor) store_give |= SYSTOLE_TOKEN_ACC_FREE;
    if ((successor && gen->guarded) || job_ends) store_give |= SYSTOLE_TOKEN_MEM_DONE;

    emit_matmul(gen, cursor, chunk, a, b, wait, give | (chunk->last ? SYSTOLE_TOKEN_ACC_FULL : 0u));
    if (chunk->last) {
        emit_store(gen, cursor, chunk, store_wait, store_give, job_ends);
        ++gen->blocks_done;
    }
}

/* Whether the chunk's loads may be put in the ring now: the givers of the tokens they take are there already. */
static bool may_load(const generator_t *gen, const chunk_t *chunk, const part_t *a, const part_t *b)
{
    const systole_gemm_plan_t *plan = gen->plan;
    if (gen->load.chunk > gen->compute.chunk + LEAD) return false;
    if (a->load && gen->a_loads >= gen->a_frees + plan->a.slots) return false;
    if (b->load && gen->b_loads >= gen->b_frees + plan->b.slots) return false;
    return !(takes_guard(gen, &gen->load, chunk) && gen->load.block >= gen->blocks_done + 2u);
}

static systole_result_t generate(systole_t *dev, const systole_capabilities_t *caps, const systole_gemm_t *gemm,
                                 const systole_gemm_plan_t *plan, bool chained, uint32_t *count)
{
    generator_t gen;
    chunk_t chunk;
    part_t a, b;

    gen.dev = dev;
    gen.caps = caps;
    gen.gemm = gemm;
    gen.plan = plan;
    gen.element_log2 = systole_element_bytes_log2(gemm->a_dtype);
    gen.out_log2 = systole_element_bytes_log2(gemm->epilogue.out_dtype);
    gen.word_elements_log2 = caps->word_bytes_log2 - gen.element_log2;
    gen.outers = plan->n_outer ? plan->n_blocks : plan->m_blocks;
    gen.inners = plan->n_outer ? plan->m_blocks : plan->n_blocks;
    gen.blocks = (uint64_t)plan->n_blocks * plan->m_blocks;
    gen.blocks_done = 0;
    gen.a_loads = 0;
    gen.b_loads = 0;
    gen.a_frees = 0;
    gen.b_frees = 0;
    gen.array_params = gemm->bias != 0u || gemm->b_zero_points != 0u;
    gen.store_params = gemm->epilogue.scales != 0u;
    gen.guarded = gemm->seed != 0u || (plan->params && !plan->params_resident);
    gen.first_wait = chained ? SYSTOLE_TOKEN_MEM_DONE : 0u;
    gen.count = 0;
    gen.result = SYSTOLE_OK;
    clear_cursor(&gen.load);
    clear_cursor(&gen.compute);

    while (gen.compute.outer < gen.outers && gen.result == SYSTOLE_OK) {
        while (gen.load.outer < gen.outers) {
            look_at_chunk(&gen, &gen.load, &chunk);
            look_at_part(&gen, &gen.load, &chunk, &plan->a, !plan->n_outer, &a);
            look_at_part(&gen, &gen.load, &chunk, &plan->b, plan->n_outer, &b);
            if (!may_load(&gen, &chunk, &a, &b)) break;
            emit_chunk_loads(&gen, &gen.load, &chunk, &a, &b);
            advance(&gen, &gen.load, &chunk, &a, &b);
        }
        look_at_chunk(&gen, &gen.compute, &chunk);
        look_at_part(&gen, &gen.compute, &chunk, &plan->a, !plan->n_outer, &a);
        look_at_part(&gen, &gen.compute, &chunk, &plan->b, plan->n_outer, &b);
        emit_chunk_compute(&gen, &gen.compute, &chunk, &a, &b);
        advance(&gen, &gen.compute, &chunk, &a, &b);
    }
    *count = gen.count;
    return gen.result;
}

systole_result_t systole_gemm_commands(const systole_t *dev, const systole_gemm_t *gemm, uint32_t *count)
{
    systole_gemm_plan_t plan;
    systole_result_t result;

    if (count == NULL) return SYSTOLE_ERR_BAD_ARG;
    result = systole_gemm_plan(dev, gemm, &plan);
    if (result != SYSTOLE_OK) return result;
    return generate(NULL, &dev->caps, gemm, &plan, false, count);
}

systole_result_t systole_gemm(systole_t *dev, const systole_gemm_t *gemm)
{
    systole_gemm_plan_t plan;
    systole_result_t result;
    uint32_t count;

    result = systole_gemm_plan(dev, gemm, &plan);
    if (result != SYSTOLE_OK) return result;
    result = generate(dev, &dev->caps, gemm, &plan, dev->chained, &count);
    if (result != SYSTOLE_OK) return result;
    dev->chained = true;
    systole_ring_publish(dev);
    return SYSTOLE_OK;
}
