/* SPDX-License-Identifier: Apache-2.0 */
/* When a job's commands begin and end: a recurrence over its records in ring order. It knows the engines, their queues, the tokens
 * and the memory that docs/memory_model.md defines, but works per command, not per cycle. It steers the choice of a plan and is
 * the plan's forecast; nothing that is right or wrong depends on it. Not part of the API. */
#ifndef SYSTOLE_TIME_H
#define SYSTOLE_TIME_H

#include "systole.h"

#define SYSTOLE_TIME_RING 16u /* a power of two; more than a token counter holds */

/* Times at which tokens of one kind were given, oldest first. */
typedef struct {
    uint64_t at[SYSTOLE_TIME_RING];
    uint32_t first, count;
} systole_time_tokens_t;

typedef struct {
    /* The machine. */
    uint32_t depth;            /* cycles after which an accumulator row may be read again */
    uint32_t cols_log2;        /* the array's columns */
    uint32_t skew;             /* cycles from a row's first word in row 0 to its last */
    uint32_t drain;            /* cycles from a row's start to its last sum in the accumulators */
    uint32_t lanes_log2;       /* columns that a STORE reads a cycle */
    uint32_t out_log2;         /* bytes of a result */
    uint32_t beat_log2;        /* bytes of a beat */
    uint32_t beat_cycles_log2; /* cycles a beat takes */
    uint32_t max_reads, max_writes, queue_depth;
    /* The state: cycles after the doorbell. */
    uint64_t fetched, dispatched;
    uint64_t asked[8];         /* when the next records are asked for: a place is free once the record 8 before is dispatched */
    uint64_t behind[8];        /* the data asked for before them have arrived */
    uint64_t leaves[3][8];     /* when the last records of each engine left its queue */
    uint32_t records, sent[3]; /* how many there were */
    uint64_t load_issue;       /* the load engine has asked for all its data */
    uint64_t bus;              /* all data have arrived */
    struct {
        uint64_t issue, end; /* first address, last beat */
        uint64_t window;     /* cycles of data that are asked for ahead */
    } loads[4];              /* the last ones */
    uint64_t act_full, wgt_full, acc_full, param_full;
    uint64_t tile_start;   /* of the last tile */
    uint64_t array_free;   /* the next tile may start */
    uint64_t step_start;   /* first tile of the last K step of this block */
    uint64_t half_read[2]; /* the last store from a half has read its sums */
    uint64_t store_issue, store_read, store_end, mem_done[2];
    systole_time_tokens_t act_free, wgt_free;
    uint64_t acc_free[4];
    uint32_t acc_given, acc_taken;
} systole_time_t;

void systole_time_begin(systole_time_t *time, const systole_capabilities_t *caps, uint32_t out_log2);

/* A LOAD of `rows` items of `bytes` bytes, `dense` if they follow one another in memory, `aligned` if each begins at a beat.
 * wait, give: tokens. */
void systole_time_load(systole_time_t *time, uint32_t rows, uint32_t bytes, bool dense, bool aligned, uint32_t wait,
                       uint32_t give);

/* A MATMUL of `rows` rows, `tiles` column tiles (`last_columns` in the last one) and `steps` words of K, to an accumulator half;
 * keep: it adds to sums, again: to those of the MATMUL before. */
void systole_time_matmul(systole_time_t *time, uint32_t rows, uint32_t tiles, uint32_t last_columns, uint32_t steps, bool keep,
                         bool again, uint32_t half, uint32_t wait, uint32_t give);

/* A STORE of `rows` rows of `columns` columns from an accumulator half. */
void systole_time_store(systole_time_t *time, uint32_t half, uint32_t rows, uint32_t columns, bool dense, bool aligned,
                        uint32_t wait, uint32_t give);

/* The cycle of the interrupt, if the last command was the last of the job. */
uint64_t systole_time_end(const systole_time_t *time);

/* Goes through the plan's records (systole_gemm.c) and sets its cycles and commands. Gives up, and returns false, when more than
 * `limit` cycles are certain. */
bool systole_walk(systole_time_t *time, const systole_capabilities_t *caps, const systole_gemm_t *gemm, systole_gemm_plan_t *plan,
                  uint64_t limit);

#endif /* SYSTOLE_TIME_H */
