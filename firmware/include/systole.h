/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Driver of the Systole matrix engine. Freestanding C99: no libc, no heap, no recursion, no 64-bit division.
 *
 * A handle (`systole_t`) belongs to one accelerator and is not thread safe. Every function that can fail returns a
 * `systole_result_t`; results come back through out-parameters, which are written only on success. Registers are reached
 * through the functions of `systole_mmio_t`, so that a host test can put anything in their place. docs/driver.md explains
 * how a product is mapped onto the machine.
 */
#ifndef SYSTOLE_H
#define SYSTOLE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SYSTOLE_WARN_UNUSED_RESULT __attribute__((warn_unused_result))
#else
#define SYSTOLE_WARN_UNUSED_RESULT
#endif

/** Result of a driver function. */
typedef enum systole_result {
    SYSTOLE_OK = 0,              /**< done */
    SYSTOLE_ERR_BAD_ARG = 1,     /**< a null pointer, a zero size, a misaligned ring, types or bounds that make no sense, … */
    SYSTOLE_ERR_BAD_DEVICE = 2,  /**< the ID register does not read "SYST", or the capabilities make no sense */
    SYSTOLE_ERR_VERSION = 3,     /**< the hardware speaks another command version */
    SYSTOLE_ERR_UNSUPPORTED = 4, /**< a legal product that this machine cannot do (floating point, pitch beyond 32 bits, …) */
    SYSTOLE_ERR_ADDRESS = 5,     /**< an operand reaches beyond the accelerator's address width */
    SYSTOLE_ERR_DEVICE = 6,      /**< the accelerator latched an error that this driver does not know; see below */
    SYSTOLE_ERR_TIMEOUT = 7,     /**< the accelerator did not come out of its soft reset */
    SYSTOLE_ERR_LOCKED = 8,      /**< what is to be changed is locked until the hardware's reset */
    SYSTOLE_ERR_BUSY = 9,        /**< commands are under way: systole_wait() first */
    /* The accelerator latched an error and has stopped (systole_is_device_error()): see systole_last_error(), then systole_reset(). */
    SYSTOLE_ERR_COMMAND = 10,  /**< it refuses a record, or what was done with the ring */
    SYSTOLE_ERR_BUS = 11,      /**< the memory answered with an error */
    SYSTOLE_ERR_WATCHDOG = 12, /**< no command was completed for too long */
    SYSTOLE_ERR_PARAM = 13,    /**< a column's scale, multiplier or shift is illegal */
    SYSTOLE_ERR_WINDOW = 14,   /**< an access outside the windows that the host has set */
    SYSTOLE_ERR_INTEGRITY = 15 /**< the accelerator's memories no longer hold what was written */
} systole_result_t;

/** Whether the accelerator latched an error and waits for systole_reset(). */
static inline bool systole_is_device_error(systole_result_t result)
{
    return result == SYSTOLE_ERR_DEVICE || result >= SYSTOLE_ERR_COMMAND;
}

/** How the driver reaches the registers. */
typedef struct systole_mmio {
    void *ctx;                                                   /**< first argument of the functions */
    uint32_t (*read32)(void *ctx, uint32_t offset);              /**< reads the register at a byte offset */
    void (*write32)(void *ctx, uint32_t offset, uint32_t value); /**< writes it */
    /** Called while the driver waits; may sleep until irq_o is high (level), must return at once if it already is. NULL: poll. */
    void (*idle)(void *ctx);
    /** Called before the doorbell: makes all earlier stores of the CPU (records, operands) visible to the accelerator. May be NULL. */
    void (*barrier)(void *ctx);
} systole_mmio_t;

/** What systole_init() needs. */
typedef struct systole_config {
    systole_mmio_t mmio;
    void *ring;                 /**< the ring as the CPU sees it, 4-byte aligned, 64 bytes an entry */
    uint64_t ring_address;      /**< the ring as the accelerator sees it, 64-byte aligned */
    uint32_t ring_entries_log2; /**< log2 of the number of records, 0 to 16 */
} systole_config_t;

/** What the capability registers say. */
typedef struct systole_capabilities {
    uint32_t rows_log2, cols_log2;  /**< the array */
    uint32_t word_bytes_log2;       /**< log2 of a buffer word's bytes, 2*ROWS */
    uint32_t axi_bytes_log2;        /**< the AXI data width */
    uint32_t act_words, wgt_words;  /**< buffers, in words */
    uint32_t acc_rows;              /**< rows of one accumulator half */
    uint32_t param_entries;         /**< column tiles a parameter bank holds */
    uint32_t element_latency;       /**< L */
    uint32_t epilogue_lanes_log2;   /**< log2 of the columns that a STORE reads a cycle */
    uint32_t queue_depth;           /**< commands an engine's queue holds */
    uint32_t max_reads, max_writes; /**< outstanding bursts */
    uint32_t address_bits;          /**< width of AXI addresses */
    uint32_t accel_id;              /**< accelerator ID, goes into every record */
    bool fp;                        /**< floating point is built in */
} systole_capabilities_t;

/** Handle of one accelerator. Its fields are the driver's; read `caps` if you like. */
typedef struct systole_device {
    systole_mmio_t mmio;
    volatile uint32_t *ring;
    uint64_t ring_address;
    uint32_t ring_entries_log2;
    systole_capabilities_t caps;
    uint32_t head;      /**< last value read of RING_HEAD */
    uint32_t tail;      /**< records written to the ring */
    uint32_t published; /**< last value written to RING_TAIL */
    bool chained;       /**< a job came before: its last STORE leaves one MEM_DONE token for the next job's first LOAD */
} systole_t;

/**
 * What happens to the 32-bit sums on their way to memory (docs/arithmetic.md). All zero is not a legal value: `out_dtype` must go
 * with the operands (integers: S32, S8, U8; floating point: FP32, FP16, BF16).
 */
typedef struct {
    uint32_t out_dtype; /**< enum systole_dtype */
    uint32_t requant;   /**< enum systole_requant: FLOAT or FIXED for S8 and U8, else NONE */
    /** Requantisation parameters for the whole matrix, used if `scales` is 0. */
    uint32_t scale; /**< FLOAT: bits of a positive, finite binary32 number; FIXED: multiplier, 0 to 2^31 - 1 */
    int32_t shift;  /**< FIXED: -31 to 30, positive is left; FLOAT: 0 */
    /** Requantisation parameters for each column. */
    uint64_t scales;        /**< address of N 32-bit words, each as `scale`, or 0 */
    uint64_t shifts;        /**< FIXED with `scales`: address of N signed bytes; else 0 */
    uint8_t out_zero_point; /**< S8, U8: raw byte in the result's type; else 0 */
    bool clamp;             /**< the bounds below are used; else the type's limits. Not with S32 */
    uint32_t clamp_min;     /**< S8, U8: int32 within the type; floating point: binary32 bits, not NaN */
    uint32_t clamp_max;     /**< the same, not below clamp_min */
} systole_epilogue_t;

/**
 * One matrix product C = epilogue(seed + (A - a_zero_point) * (B - b_zero_point)).
 *
 * Addresses are bus addresses, any byte alignment. Pitches are bytes from row to row, signed; the pitch of a matrix of one
 * row is ignored. A is M x K elements, B is N x K elements (row n is column n of the product's right operand), C is M x N
 * elements. C must not overlap an operand. Types: S8 and U8 in any pair, FP16 with FP16, BF16 with BF16.
 */
typedef struct {
    uint32_t m, n, k; /**< sizes in elements, each >= 1 */

    uint64_t a;
    int64_t a_pitch;
    uint32_t a_dtype;     /**< enum systole_dtype */
    uint8_t a_zero_point; /**< raw byte, in A's type; floating point: 0 */

    uint64_t b;
    int64_t b_pitch;
    uint32_t b_dtype;       /**< enum systole_dtype */
    uint8_t b_zero_point;   /**< raw byte, in B's type; used if b_zero_points is 0 */
    uint64_t b_zero_points; /**< address of N bytes, one zero point a column, or 0; floating point: 0 */

    uint64_t bias; /**< address of N int32 or binary32 words, one seed a column, or 0; not together with `seed` */
    uint64_t seed; /**< address of an M x N matrix of the same, or 0 */
    int64_t seed_pitch;

    uint64_t c;
    int64_t c_pitch;
    systole_epilogue_t epilogue;
} systole_gemm_t;

/** How long an operand stays in its buffer. */
enum systole_keep {
    SYSTOLE_KEEP_NOT = 0,  /**< each block of C loads its chunks anew */
    SYSTOLE_KEEP_PASS = 1, /**< the outer loop's operand: loaded once for all inner blocks */
    SYSTOLE_KEEP_JOB = 2   /**< the inner loop's operand: all of it fits and is loaded once */
};

/** How an operand goes through its buffer. */
typedef struct systole_operand_plan {
    uint32_t keep;       /**< enum systole_keep */
    uint32_t slots;      /**< slots of the buffer, used in turn (SYSTOLE_KEEP_JOB: one) */
    uint32_t slot_words; /**< words of a slot */
    uint32_t
        piece; /**< K words that a slot holds of each row, a multiple of k_chunk or all of K; SYSTOLE_KEEP_NOT: 0, one chunk */
    uint64_t loads; /**< how often slots are filled in the whole job; saturates */
} systole_operand_plan_t;

/**
 * How a product is cut up; see docs/driver.md. Rows of C, column tiles and K are cut into equal parts (m_block, t_block, k_chunk; the
 * last one may be smaller). A head or tail that is not 0 is the size of the first or last part; parts then grow from the beginning
 * as head, head, 2 * head, 4 * head, … and shrink to the end the same way. The outer dimension has its head and tail in the job,
 * the inner one its head in the first pass of the outer loop and its tail in the last one.
 */
typedef struct {
    uint32_t k_words;                 /**< K in buffer words, rounded up */
    uint32_t n_tiles;                 /**< N in column tiles, rounded up */
    bool n_outer;                     /**< true: for column blocks: for row blocks; false: the other way round */
    uint32_t m_block, m_head, m_tail; /**< rows of a block of C: most, first, last */
    uint32_t t_block, t_head, t_tail; /**< column tiles of a block: most, first, last */
    uint32_t m_blocks, n_blocks; /**< row blocks and column blocks; of the inner dimension in a pass between first and last */
    uint32_t k_chunk;            /**< words of K per MATMUL, at most */
    uint32_t k_head;             /**< the first one's in the first block (or, if an operand is kept, pass) */
    uint32_t k_tail;             /**< the last one's in the last block, at most */
    bool part_rows;              /**< chunks come in parts: of A's rows; false: of B's column tiles */
    uint32_t part;               /**< the first block's parts are part, part, 2 * part, … rows or tiles, as a head; 0: whole */
    /** Every block's chunks come in parts of at most so many rows or tiles, each in a slot of its own; 0: they do not. */
    uint32_t part_max;
    /** The last block's last chunk is computed and stored in parts that shrink to part_end, as to a tail; 0: whole, or, with
     *  part_max, in those parts. */
    uint32_t part_end;
    uint32_t acc_slots;   /**< blocks for which the accumulators have places: 2 (halves), or 4 */
    bool params;          /**< bias, per-column zero points or per-column requantisation are used */
    bool params_resident; /**< … and fit their bank as a whole */
    systole_operand_plan_t a, b;
    uint64_t blocks;   /**< blocks of C, each one STORE, the last one's parts one each; saturates */
    uint64_t commands; /**< records; saturates */
    uint64_t cycles;   /**< forecast, with a memory of 16 bytes a cycle and 40 cycles latency; saturates */
} systole_gemm_plan_t;

/** Hardware counters since the last clear, cycles, bytes, bursts and multiply-accumulates: docs/commands_and_registers.md. 48 bits
 *  each: macs wraps first, after 2^48 / (2 * ROWS * COLS) cycles of 8-bit products. */
typedef struct systole_counters {
    uint64_t total, compute, command, weights, activations, hazard, store, drain, read_bytes, write_bytes, read_bursts,
        write_bursts, macs;
} systole_counters_t;

/** The accelerator's first error since reset. */
typedef struct systole_error_info {
    uint32_t code;    /**< enum systole_error */
    uint32_t index;   /**< index of the record */
    uint64_t address; /**< memory or buffer address */
} systole_error_info_t;

/** Checks ID and version, reads the capabilities, resets the accelerator, sets up the ring and the interrupt and enables it.
 *  @return BAD_ARG, BAD_DEVICE, VERSION, UNSUPPORTED, TIMEOUT, ADDRESS */
systole_result_t systole_init(systole_t *dev, const systole_config_t *config) SYSTOLE_WARN_UNUSED_RESULT;

/** Soft reset: forgets all commands and errors, then sets the ring up again. Outstanding bus transactions finish first.
 *  @return BAD_ARG, TIMEOUT */
systole_result_t systole_reset(systole_t *dev) SYSTOLE_WARN_UNUSED_RESULT;

/** Cycles without a completed command after which the accelerator raises the error WATCHDOG; 0 (after power-on) is never. */
systole_result_t systole_set_watchdog(systole_t *dev, uint32_t cycles) SYSTOLE_WARN_UNUSED_RESULT;

#define SYSTOLE_PAGE_BYTES 4096u /**< granule of a window */

/** Bytes that the accelerator may touch: from `base`, a multiple of SYSTOLE_PAGE_BYTES, to `limit`, the last byte of a page. A base above
 *  the limit allows nothing. */
typedef struct systole_window {
    uint64_t base;  /**< first byte address */
    uint64_t limit; /**< last byte address */
} systole_window_t;

/** Sets the windows of reads (the ring included) and writes; after power-on they hold everything, a soft reset leaves them alone. An access
 *  outside is refused before it reaches the bus, with the error WINDOW.
 *  @return BAD_ARG (null, bounds that are not a page's), LOCKED, BUSY */
systole_result_t systole_set_windows(systole_t *dev, const systole_window_t *reads,
                                     const systole_window_t *writes) SYSTOLE_WARN_UNUSED_RESULT;

/** Locks what SYSTOLE_LOCK_WINDOWS_MASK and SYSTOLE_LOCK_INJECT_MASK name until the hardware's reset.
 *  @return BAD_ARG */
systole_result_t systole_lock(systole_t *dev, uint32_t locks) SYSTOLE_WARN_UNUSED_RESULT;

/** How the product would be mapped. Touches no hardware.
 *  @return BAD_ARG, ADDRESS, UNSUPPORTED */
systole_result_t systole_gemm_plan(const systole_t *dev, const systole_gemm_t *gemm,
                                   systole_gemm_plan_t *plan) SYSTOLE_WARN_UNUSED_RESULT;

/** How many records the product takes (saturates at 2^32 - 1). Touches no hardware. */
systole_result_t systole_gemm_commands(const systole_t *dev, const systole_gemm_t *gemm,
                                       uint32_t *count) SYSTOLE_WARN_UNUSED_RESULT;

/** Starts the product: writes its records to the ring and rings the doorbell once, after the last one, or earlier
 *  when the ring is full; then waits for space. The last record raises the interrupt. Jobs may be queued without waiting between
 *  them; each begins when the one before is complete in memory.
 *  @return BAD_ARG, ADDRESS, UNSUPPORTED (nothing was started); an error of the device */
systole_result_t systole_gemm(systole_t *dev, const systole_gemm_t *gemm) SYSTOLE_WARN_UNUSED_RESULT;

/** Waits until everything is complete. @return BAD_ARG, an error of the device */
systole_result_t systole_wait(systole_t *dev) SYSTOLE_WARN_UNUSED_RESULT;

/** Whether everything is complete. @return BAD_ARG, an error of the device */
systole_result_t systole_is_idle(systole_t *dev, bool *idle) SYSTOLE_WARN_UNUSED_RESULT;

/** Takes a snapshot of the counters and reads it. The machine may be busy meanwhile. @return BAD_ARG */
systole_result_t systole_read_counters(systole_t *dev, systole_counters_t *counters) SYSTOLE_WARN_UNUSED_RESULT;

/** Clears the counters. @return BAD_ARG */
systole_result_t systole_clear_counters(systole_t *dev) SYSTOLE_WARN_UNUSED_RESULT;

/** Reads the error registers. */
systole_result_t systole_last_error(systole_t *dev, systole_error_info_t *info) SYSTOLE_WARN_UNUSED_RESULT;

/** What the driver's functions return when the accelerator has latched this error (enum systole_error); OK for NONE, DEVICE for a code
 *  that this driver does not know. */
systole_result_t systole_error_result(uint32_t code);

/** The name of a result code, never NULL. */
const char *systole_result_string(systole_result_t result);

/** The name of an error code of the accelerator ("AXI_LOAD"), and a sentence about it; never NULL. Whoever calls neither does not
 *  link them (src/systole_errors.c). */
const char *systole_error_name(uint32_t code);
const char *systole_error_text(uint32_t code);

#ifdef __cplusplus
}
#endif

#endif /* SYSTOLE_H */
