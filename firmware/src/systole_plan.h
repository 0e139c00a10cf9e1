/* SPDX-License-Identifier: Apache-2.0 */
/* What the planner and the record generator agree on. Not part of the API. */
#ifndef SYSTOLE_PLAN_H
#define SYSTOLE_PLAN_H

#include "systole.h"

/* Slots of an operand's buffer. Each slot is good for one FULL and one FREE token, and at most two loads of seeds or parameters
 * are under way beside them: 14 tokens, the counters hold 15. */
#define SYSTOLE_MAX_SLOTS 12u

/* Largest stride in words or rows that a signed 16-bit field holds. */
#define SYSTOLE_MAX_STRIDE 32767u

/* Words of the chunk that begins at word k of K. */
uint32_t systole_chunk_words(const systole_gemm_plan_t *plan, bool ramp, uint32_t k);

#endif /* SYSTOLE_PLAN_H */
