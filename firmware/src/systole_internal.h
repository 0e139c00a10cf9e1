/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver's source files share. Not part of the API. */
#ifndef SYSTOLE_INTERNAL_H
#define SYSTOLE_INTERNAL_H

#include <stddef.h>

#include "systole.h"
#include "systole_regs.h"

/* A field of a register value, and a field of a record under construction; names as in the generated header. */
#define SYSTOLE_GET(value, field) (((value)&SYSTOLE_##field##_MASK) >> SYSTOLE_##field##_LSB)
#define SYSTOLE_SET(record, field, value) \
    systole_field_set((record), SYSTOLE_##field##_WORD, SYSTOLE_##field##_LSB, SYSTOLE_##field##_WIDTH, (uint32_t)(value))

/* x * 2^shift and x / 2^shift for a shift that is not a constant: the compiler may turn `<<` and `>>` of 64 bits into calls of
 * libgcc. 0 <= shift <= 31. */
static inline uint64_t systole_shift_left(uint32_t x, uint32_t shift) { return (uint64_t)x * ((uint32_t)1u << shift); }

static inline uint64_t systole_shift_right(uint64_t x, uint32_t shift)
{
    const uint32_t high = (uint32_t)(x >> 32), low = (uint32_t)x;
    if (shift == 0u) return x;
    return (uint64_t)(high >> shift) << 32 | (high << (32u - shift)) | (low >> shift);
}

/* The last address of an address space of `bits` bits, 1 to 64. */
static inline uint64_t systole_last_address(uint32_t bits)
{
    if (bits > 32u) return (uint64_t)(0xFFFFFFFFu >> (64u - bits)) << 32 | 0xFFFFFFFFu;
    return 0xFFFFFFFFu >> (32u - bits);
}

#define SYSTOLE_SATURATED UINT64_MAX

static inline uint64_t systole_sat_add(uint64_t a, uint64_t b) { return a + b < a ? SYSTOLE_SATURATED : a + b; }

static inline bool systole_is_int8(uint32_t dtype) { return dtype == SYSTOLE_DTYPE_S8 || dtype == SYSTOLE_DTYPE_U8; }

static inline bool systole_is_float16(uint32_t dtype) { return dtype == SYSTOLE_DTYPE_FP16 || dtype == SYSTOLE_DTYPE_BF16; }

/* log2 of the bytes of an element of a legal type. */
static inline uint32_t systole_element_bytes_log2(uint32_t dtype)
{
    return systole_is_int8(dtype) ? 0u : systole_is_float16(dtype) ? 1u : 2u;
}

/* Whether the accelerator can do the product: types, epilogue, addresses.
 * BAD_ARG for what no accelerator can, UNSUPPORTED for what this one or a record cannot, ADDRESS. */
systole_result_t systole_gemm_check(const systole_capabilities_t *caps, const systole_gemm_t *gemm);

static inline uint32_t systole_read(const systole_t *dev, uint32_t offset) { return dev->mmio.read32(dev->mmio.ctx, offset); }

static inline void systole_write(const systole_t *dev, uint32_t offset, uint32_t value)
{
    dev->mmio.write32(dev->mmio.ctx, offset, value);
}

/* Copies a record to the next slot of the ring; when the ring is full, first publishes what is there and waits until half of it
 * is free. */
systole_result_t systole_ring_push(systole_t *dev, const uint32_t *record);

/* Publishes all records written so far. */
void systole_ring_publish(systole_t *dev);

#endif /* SYSTOLE_INTERNAL_H */
