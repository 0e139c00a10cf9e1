/* SPDX-License-Identifier: Apache-2.0 */
/* A bare-metal program that multiplies small matrices on Systole and checks the results: an int8 layer with bias and results of 8 bits,
 * then, if the accelerator has floating point, a binary16 product. It needs start-up code that sets the stack pointer and calls main;
 * addresses are those of a system where the accelerator sees memory as the CPU does. */
#include "systole.h"
#include "systole_regs.h" /* types and rules: SYSTOLE_DTYPE_S8, … */

/* Where the integrator put the accelerator's registers. */
#ifndef SYSTOLE_BASE
#define SYSTOLE_BASE 0x40000000u
#endif

#define M 5u
#define N 7u
#define K 33u

static uint32_t ring[16u << 6] __attribute__((aligned(64)));
static int8_t a[M][K];
static int8_t b[N][K]; /* column n of the right operand is row n here */
static int32_t bias[N];
static int32_t multipliers[N]; /* each column's scale: multiplier / 2^31 * 2^shift */
static int8_t shifts[N];
static int8_t c[M][N];

static uint16_t fa[M][K]; /* binary16 */
static uint16_t fb[N][K];
static uint16_t fc[M][N];

static uint32_t read_register(void *ctx, uint32_t offset) { return *(volatile const uint32_t *)((uintptr_t)ctx + offset); }

static void write_register(void *ctx, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)((uintptr_t)ctx + offset) = value;
}

/* Orders stores to memory before the doorbell. With a cache that the accelerator does not snoop, clean it here too. */
static void barrier(void *ctx)
{
    (void)ctx;
#if defined(__riscv)
    __asm__ volatile("fence rw, rw" ::: "memory");
#endif
}

/* What docs/arithmetic.md says of the rule FIXED, for shifts that are not positive: a rounded high product, then a division by a power
 * of two that rounds half away from zero; the zero point; the type's limits. */
static int32_t requantise(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    const int32_t high = (int32_t)(((int64_t)sum * multiplier + (1 << 30)) >> 31);
    const int32_t divisor = (int32_t)1 << -shift;
    const int32_t half = divisor >> 1;
    const int32_t value = (high >= 0 ? high + half : high - half) / divisor + zero_point;
    return value < -128 ? -128 : value > 127 ? 127 : value;
}

/* The binary16 number equal to an integer, 0 to 2048. */
static uint16_t half_from(uint32_t value)
{
    uint32_t exponent = 25;
    if (value == 0u) return 0;
    while (value < 1024u) {
        value <<= 1;
        --exponent;
    }
    if (value == 2048u) return (uint16_t)((exponent + 1u) << 10);
    return (uint16_t)(exponent << 10 | (value & 1023u));
}

/* Fields that neither product needs. */
static void clear(systole_gemm_t *gemm)
{
    gemm->m = M;
    gemm->n = N;
    gemm->k = K;
    gemm->a_zero_point = 0;
    gemm->b_zero_point = 0;
    gemm->b_zero_points = 0;
    gemm->bias = 0;
    gemm->seed = 0;
    gemm->seed_pitch = 0;
    gemm->epilogue.requant = SYSTOLE_REQUANT_NONE;
    gemm->epilogue.scale = 0;
    gemm->epilogue.shift = 0;
    gemm->epilogue.scales = 0;
    gemm->epilogue.shifts = 0;
    gemm->epilogue.out_zero_point = 0;
    gemm->epilogue.clamp = false;
    gemm->epilogue.clamp_min = 0;
    gemm->epilogue.clamp_max = 0;
}

/* int8 by int8, bias, a scale for each column, results int8 with zero point -3. */
static int run_int8(systole_t *dev)
{
    systole_gemm_t gemm;
    uint32_t m, n, k;

    for (k = 0; k < K; ++k) {
        for (m = 0; m < M; ++m) a[m][k] = (int8_t)(m * 31u + k * 7u);
        for (n = 0; n < N; ++n) b[n][k] = (int8_t)(n * 17u + k * 5u);
    }
    for (n = 0; n < N; ++n) {
        bias[n] = (int32_t)(n * 1000u) - 3000;
        multipliers[n] = 0x40000000 + (int32_t)(n * 0x01234567u); /* 0.5 and more */
        shifts[n] = (int8_t)(-8 - (int32_t)(n & 1u));
    }

    clear(&gemm);
    gemm.a = (uintptr_t)a;
    gemm.a_pitch = K;
    gemm.a_dtype = SYSTOLE_DTYPE_S8;
    gemm.b = (uintptr_t)b;
    gemm.b_pitch = K;
    gemm.b_dtype = SYSTOLE_DTYPE_S8;
    gemm.bias = (uintptr_t)bias;
    gemm.c = (uintptr_t)c;
    gemm.c_pitch = N;
    gemm.epilogue.out_dtype = SYSTOLE_DTYPE_S8;
    gemm.epilogue.requant = SYSTOLE_REQUANT_FIXED;
    gemm.epilogue.scales = (uintptr_t)multipliers;
    gemm.epilogue.shifts = (uintptr_t)shifts;
    gemm.epilogue.out_zero_point = (uint8_t)-3;
    if (systole_gemm(dev, &gemm) != SYSTOLE_OK) return 2;
    if (systole_wait(dev) != SYSTOLE_OK) return 3;
    barrier(0); /* and, without snooping, invalidate the cache over c */

    for (m = 0; m < M; ++m) {
        for (n = 0; n < N; ++n) {
            int32_t sum = bias[n];
            for (k = 0; k < K; ++k) sum += a[m][k] * b[n][k];
            if (((volatile int8_t *)c[m])[n] != requantise(sum, multipliers[n], shifts[n], -3)) return 4;
        }
    }
    return 0;
}

/* binary16 by binary16, results binary16, at most 200 (ReLU with an upper bound). Small integers: every sum is exact. */
static int run_fp16(systole_t *dev)
{
    systole_gemm_t gemm;
    uint32_t m, n, k;

    for (k = 0; k < K; ++k) {
        for (m = 0; m < M; ++m) fa[m][k] = half_from((m + k) & 3u);
        for (n = 0; n < N; ++n) fb[n][k] = half_from((n * 3u + k) & 7u);
    }

    clear(&gemm);
    gemm.a = (uintptr_t)fa;
    gemm.a_pitch = K * 2u;
    gemm.a_dtype = SYSTOLE_DTYPE_FP16;
    gemm.b = (uintptr_t)fb;
    gemm.b_pitch = K * 2u;
    gemm.b_dtype = SYSTOLE_DTYPE_FP16;
    gemm.c = (uintptr_t)fc;
    gemm.c_pitch = N * 2u;
    gemm.epilogue.out_dtype = SYSTOLE_DTYPE_FP16;
    gemm.epilogue.clamp = true;
    gemm.epilogue.clamp_min = 0;           /* binary32: 0 */
    gemm.epilogue.clamp_max = 0x43480000u; /* binary32: 200 */
    if (systole_gemm(dev, &gemm) != SYSTOLE_OK) return 5;
    if (systole_wait(dev) != SYSTOLE_OK) return 6;
    barrier(0);

    for (m = 0; m < M; ++m) {
        for (n = 0; n < N; ++n) {
            uint32_t sum = 0;
            for (k = 0; k < K; ++k) sum += ((m + k) & 3u) * ((n * 3u + k) & 7u);
            if (((volatile uint16_t *)fc[m])[n] != half_from(sum > 200u ? 200u : sum)) return 7;
        }
    }
    return 0;
}

int main(void)
{
    systole_t dev;
    systole_config_t config;
    int failed;

    config.mmio.ctx = (void *)(uintptr_t)SYSTOLE_BASE;
    config.mmio.read32 = read_register;
    config.mmio.write32 = write_register;
    config.mmio.idle = 0; /* polls; an integrator with an interrupt controller would put wfi here */
    config.mmio.barrier = barrier;
    config.ring = ring;
    config.ring_address = (uintptr_t)ring;
    config.ring_entries_log2 = 6;
    if (systole_init(&dev, &config) != SYSTOLE_OK) return 1;

    failed = run_int8(&dev);
    if (failed == 0 && dev.caps.fp) failed = run_fp16(&dev);
    return failed;
}
