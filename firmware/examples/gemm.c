/* SPDX-License-Identifier: Apache-2.0 */
/* A bare-metal program that multiplies two small matrices on Systole and checks the result. It needs start-up code that sets the
 * stack pointer and calls main; addresses are those of a system where the accelerator sees memory as the CPU does. */
#include "systole.h"

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
static int32_t c[M][N];

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

int main(void)
{
    systole_t dev;
    systole_config_t config;
    systole_gemm_t gemm;
    uint32_t m, n, k;

    for (k = 0; k < K; ++k) {
        for (m = 0; m < M; ++m) a[m][k] = (int8_t)(m * 31u + k * 7u);
        for (n = 0; n < N; ++n) b[n][k] = (int8_t)(n * 17u + k * 5u);
    }

    config.mmio.ctx = (void *)(uintptr_t)SYSTOLE_BASE;
    config.mmio.read32 = read_register;
    config.mmio.write32 = write_register;
    config.mmio.idle = 0; /* polls; an integrator with an interrupt controller would put wfi here */
    config.mmio.barrier = barrier;
    config.ring = ring;
    config.ring_address = (uintptr_t)ring;
    config.ring_entries_log2 = 6;
    if (systole_init(&dev, &config) != SYSTOLE_OK) return 1;

    gemm.m = M;
    gemm.n = N;
    gemm.k = K;
    gemm.a = (uintptr_t)a;
    gemm.a_pitch = K;
    gemm.a_signed = true;
    gemm.a_zero_point = 0;
    gemm.b = (uintptr_t)b;
    gemm.b_pitch = K;
    gemm.b_signed = true;
    gemm.b_zero_point = 0;
    gemm.b_zero_points = 0;
    gemm.bias = 0;
    gemm.seed = 0;
    gemm.seed_pitch = 0;
    gemm.c = (uintptr_t)c;
    gemm.c_pitch = N * 4;
    if (systole_gemm(&dev, &gemm) != SYSTOLE_OK) return 2;
    if (systole_wait(&dev) != SYSTOLE_OK) return 3;
    barrier(0); /* and, without snooping, invalidate the cache over c */

    for (m = 0; m < M; ++m) {
        for (n = 0; n < N; ++n) {
            int32_t sum = 0;
            for (k = 0; k < K; ++k) sum += a[m][k] * b[n][k];
            if (((volatile int32_t *)c[m])[n] != sum) return 4;
        }
    }
    return 0;
}
