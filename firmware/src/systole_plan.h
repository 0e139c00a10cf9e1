/* SPDX-License-Identifier: Apache-2.0 */
/* What the planner, the record generator and the forecast agree on. Not part of the API. */
#ifndef SYSTOLE_PLAN_H
#define SYSTOLE_PLAN_H

#include "systole.h"

/* FULL tokens of an operand's buffer that can be on their way; slots of it that are used in turn, each good for one FREE token. At
 * most two loads of seeds or parameters are under way beside them: 14 tokens, the counters hold 15. */
#define SYSTOLE_MAX_SLOTS 12u

/* Largest stride in words or rows that a signed 16-bit field holds. */
#define SYSTOLE_MAX_STRIDE 32767u

/* One dimension cut up: head, head, 2*head, 4*head, … up to `body`, then equal parts of at most `body`, then as at the beginning,
 * backwards, down to `tail`. Without head or tail (0) there are equal parts only. */
typedef struct {
    uint32_t total, head, tail; /* total >= 1 */
    uint32_t head_end;          /* where the equal parts begin */
    uint32_t tail_begin;        /* where they end */
    uint32_t even;              /* size of an equal part; the last of them may be smaller */
} systole_cut_t;

void systole_cut(systole_cut_t *cut, uint32_t total, uint32_t body, uint32_t head, uint32_t tail);

/* Size of the part that begins at `position`. */
uint32_t systole_cut_size(const systole_cut_t *cut, uint32_t position);

/* Number of parts. */
uint32_t systole_cut_count(const systole_cut_t *cut);

/* The cut of the outer blocks, and of the inner ones of a pass. */
void systole_outer_cut(const systole_gemm_plan_t *plan, uint32_t m, systole_cut_t *cut);
void systole_inner_cut(const systole_gemm_plan_t *plan, uint32_t m, bool first_pass, bool last_pass, systole_cut_t *cut);

/* The parts in which a block's rows or column tiles, `size` of them, are loaded and computed. */
void systole_part_cut(const systole_gemm_plan_t *plan, uint32_t size, bool first_block, systole_cut_t *cut);

/* Words of the chunk that begins at word k of K; ramp: with growing ones at the begin, tail: with shrinking ones at the end. */
uint32_t systole_chunk_words(const systole_gemm_plan_t *plan, bool ramp, bool tail, uint32_t k);

/* First word of what is loaded together with word k of a resident operand, and its words. k is where a chunk begins. */
uint32_t systole_unit_begin(const systole_gemm_plan_t *plan, const systole_operand_plan_t *operand, bool ramp, uint32_t k);
uint32_t systole_unit_words(const systole_gemm_plan_t *plan, const systole_operand_plan_t *operand, bool ramp, uint32_t begin);

/* How many units there are in K. */
uint32_t systole_unit_count(const systole_gemm_plan_t *plan, const systole_operand_plan_t *operand, bool ramp);

/* How many blocks the plan has in all; saturates. */
void systole_plan_totals(systole_gemm_plan_t *plan, uint32_t m);

/* Sets the plan's cycles and commands, by the recurrence of systole_time.h. Gives up, and returns false, when more than `limit`
 * cycles are certain. */
bool systole_forecast(const systole_capabilities_t *caps, const systole_gemm_t *gemm, systole_gemm_plan_t *plan, uint64_t limit);

#endif /* SYSTOLE_PLAN_H */
