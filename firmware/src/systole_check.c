/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a product's arguments. What passes here is legal for the accelerator, too, except for the contents of the parameter
 * vectors, which the accelerator reads (error PARAM). Binary32 numbers are compared as bits: no floating-point arithmetic. */
#include "systole_internal.h"

#define FLOAT_INFINITY 0x7F800000u
#define FLOAT_SIGN 0x80000000u

#define SHIFT_MIN (-31)
#define SHIFT_MAX 30
#define MULTIPLIER_MAX 0x7FFFFFFFu

/* Reads a field's bits as two's complement. */
static int32_t as_signed(uint32_t bits)
{
    return bits <= (uint32_t)INT32_MAX ? (int32_t)bits : (int32_t)(bits - FLOAT_SIGN) + INT32_MIN;
}

static bool is_nan(uint32_t bits) { return (bits & ~FLOAT_SIGN) > FLOAT_INFINITY; }

/* A number whose order is that of the binary32 numbers; both zeros are 0. Not for NaN. */
static int32_t float_order(uint32_t bits)
{
    const int32_t magnitude = (int32_t)(bits & ~FLOAT_SIGN);
    return (bits & FLOAT_SIGN) != 0u ? -magnitude : magnitude;
}

/* The operands' types and zero points. */
static systole_result_t check_operands(const systole_gemm_t *gemm)
{
    if (systole_is_int8(gemm->a_dtype)) return systole_is_int8(gemm->b_dtype) ? SYSTOLE_OK : SYSTOLE_ERR_BAD_ARG;
    if (!systole_is_float16(gemm->a_dtype) || gemm->b_dtype != gemm->a_dtype) return SYSTOLE_ERR_BAD_ARG;
    if (gemm->a_zero_point != 0u || gemm->b_zero_point != 0u || gemm->b_zero_points != 0u) return SYSTOLE_ERR_BAD_ARG;
    return SYSTOLE_OK;
}

/* The rule, and its parameters for the whole matrix or the addresses of those for each column. */
static systole_result_t check_requant(const systole_epilogue_t *epilogue)
{
    const bool fixed = epilogue->requant == SYSTOLE_REQUANT_FIXED;

    if (!fixed && epilogue->requant != SYSTOLE_REQUANT_FLOAT) return SYSTOLE_ERR_BAD_ARG;
    if (epilogue->scales != 0u) return fixed == (epilogue->shifts != 0u) ? SYSTOLE_OK : SYSTOLE_ERR_BAD_ARG;
    if (epilogue->shifts != 0u) return SYSTOLE_ERR_BAD_ARG;
    if (fixed) {
        if (epilogue->scale > MULTIPLIER_MAX) return SYSTOLE_ERR_BAD_ARG;
        return epilogue->shift >= SHIFT_MIN && epilogue->shift <= SHIFT_MAX ? SYSTOLE_OK : SYSTOLE_ERR_BAD_ARG;
    }
    if (epilogue->scale == 0u || epilogue->scale >= FLOAT_INFINITY)
        return SYSTOLE_ERR_BAD_ARG; /* negative numbers are above, too */
    return epilogue->shift == 0 ? SYSTOLE_OK : SYSTOLE_ERR_BAD_ARG;
}

static systole_result_t check_clamp(const systole_epilogue_t *epilogue)
{
    const uint32_t low = epilogue->clamp_min, high = epilogue->clamp_max;

    if (!epilogue->clamp) return SYSTOLE_OK;
    if (systole_is_int8(epilogue->out_dtype)) {
        const bool is_signed = epilogue->out_dtype == SYSTOLE_DTYPE_S8;
        if (as_signed(low) < (is_signed ? -128 : 0) || as_signed(high) > (is_signed ? 127 : 255)) return SYSTOLE_ERR_BAD_ARG;
        return as_signed(low) <= as_signed(high) ? SYSTOLE_OK : SYSTOLE_ERR_BAD_ARG;
    }
    if (is_nan(low) || is_nan(high)) return SYSTOLE_ERR_BAD_ARG;
    return float_order(low) <= float_order(high) ? SYSTOLE_OK : SYSTOLE_ERR_BAD_ARG;
}

static systole_result_t check_epilogue(const systole_gemm_t *gemm)
{
    const systole_epilogue_t *epilogue = &gemm->epilogue;
    const uint32_t out = epilogue->out_dtype;
    systole_result_t result;

    if (systole_is_float16(gemm->a_dtype)) {
        if (out != SYSTOLE_DTYPE_FP32 && !systole_is_float16(out)) return SYSTOLE_ERR_BAD_ARG;
    } else if (out != SYSTOLE_DTYPE_S32 && !systole_is_int8(out)) {
        return SYSTOLE_ERR_BAD_ARG;
    }
    if (systole_is_int8(out)) {
        result = check_requant(epilogue);
        if (result != SYSTOLE_OK) return result;
    } else {
        if (epilogue->requant != SYSTOLE_REQUANT_NONE || epilogue->scale != 0u || epilogue->shift != 0 ||
            epilogue->scales != 0u || epilogue->shifts != 0u || epilogue->out_zero_point != 0u) {
            return SYSTOLE_ERR_BAD_ARG;
        }
        if (out == SYSTOLE_DTYPE_S32 && epilogue->clamp) return SYSTOLE_ERR_BAD_ARG;
    }
    return check_clamp(epilogue);
}

/* Whether `rows` rows of `bytes` bytes lie in the accelerator's address space and their pitch fits the record's field. */
static systole_result_t check_matrix(const systole_capabilities_t *caps, uint64_t address, int64_t pitch, uint32_t rows,
                                     uint64_t bytes)
{
    const uint64_t limit = systole_last_address(caps->address_bits);
    uint64_t last = address;

    if (rows > 1u) {
        if (pitch < INT32_MIN || pitch > INT32_MAX) return SYSTOLE_ERR_UNSUPPORTED;
        if (pitch < 0) {
            const uint64_t below = (uint64_t)(rows - 1u) * (uint64_t)-pitch;
            if (below > address) return SYSTOLE_ERR_ADDRESS;
        } else {
            last = systole_sat_add(address, (uint64_t)(rows - 1u) * (uint64_t)pitch);
        }
    }
    last = systole_sat_add(last, bytes - 1u);
    return last == SYSTOLE_SATURATED || last > limit ? SYSTOLE_ERR_ADDRESS : SYSTOLE_OK;
}

/* A vector of `count` elements of 2^size_log2 bytes, if there is one. */
static systole_result_t check_vector(const systole_capabilities_t *caps, uint64_t address, uint32_t count, uint32_t size_log2)
{
    return address != 0u ? check_matrix(caps, address, 0, 1, systole_shift_left(count, size_log2)) : SYSTOLE_OK;
}

systole_result_t systole_gemm_check(const systole_capabilities_t *caps, const systole_gemm_t *gemm)
{
    const uint32_t out_log2 = systole_element_bytes_log2(gemm->epilogue.out_dtype);
    systole_result_t result;
    uint64_t k_bytes;

    if (gemm->m == 0u || gemm->n == 0u || gemm->k == 0u) return SYSTOLE_ERR_BAD_ARG;
    if (gemm->bias != 0u && gemm->seed != 0u) return SYSTOLE_ERR_BAD_ARG;
    result = check_operands(gemm);
    if (result == SYSTOLE_OK) result = check_epilogue(gemm);
    if (result != SYSTOLE_OK) return result;
    if (systole_is_float16(gemm->a_dtype) && !caps->fp) return SYSTOLE_ERR_UNSUPPORTED;

    k_bytes = systole_shift_left(gemm->k, systole_element_bytes_log2(gemm->a_dtype));
    result = check_matrix(caps, gemm->a, gemm->a_pitch, gemm->m, k_bytes);
    if (result == SYSTOLE_OK) result = check_matrix(caps, gemm->b, gemm->b_pitch, gemm->n, k_bytes);
    if (result == SYSTOLE_OK) {
        result = check_matrix(caps, gemm->c, gemm->c_pitch, gemm->m, systole_shift_left(gemm->n, out_log2));
    }
    if (result == SYSTOLE_OK && gemm->seed != 0u) {
        result = check_matrix(caps, gemm->seed, gemm->seed_pitch, gemm->m, systole_shift_left(gemm->n, 2));
    }
    if (result == SYSTOLE_OK) result = check_vector(caps, gemm->bias, gemm->n, 2);
    if (result == SYSTOLE_OK) result = check_vector(caps, gemm->b_zero_points, gemm->n, 0);
    if (result == SYSTOLE_OK) result = check_vector(caps, gemm->epilogue.scales, gemm->n, 2);
    if (result == SYSTOLE_OK) result = check_vector(caps, gemm->epilogue.shifts, gemm->n, 0);
    return result;
}
