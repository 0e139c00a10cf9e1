/* SPDX-License-Identifier: Apache-2.0 */
/* The device: set-up, command ring, completion, errors, counters. */
#include "systole_internal.h"

/* Polls of CTRL.soft_reset before giving up: a reset takes as long as the slowest outstanding bus transaction. */
#define RESET_POLLS 1000000u

/* Limits of the record's address fields: 16 bits for words of a buffer and for both accumulator halves. */
#define MAX_BUFFER_WORDS_LOG2 16u
#define MAX_ACC_ROWS_LOG2 15u

static systole_result_t read_capabilities(systole_t *dev)
{
    systole_capabilities_t *caps = &dev->caps;
    const uint32_t cap0 = systole_read(dev, SYSTOLE_REG_CAP0);
    const uint32_t cap1 = systole_read(dev, SYSTOLE_REG_CAP1);
    const uint32_t cap2 = systole_read(dev, SYSTOLE_REG_CAP2);
    const uint32_t act_log2 = SYSTOLE_GET(cap1, CAP1_ACT_WORDS_LOG2);
    const uint32_t wgt_log2 = SYSTOLE_GET(cap1, CAP1_WGT_WORDS_LOG2);
    const uint32_t acc_log2 = SYSTOLE_GET(cap1, CAP1_ACC_ROWS_LOG2);
    const uint32_t param_log2 = SYSTOLE_GET(cap1, CAP1_PARAM_ENTRIES_LOG2);

    caps->rows_log2 = SYSTOLE_GET(cap0, CAP0_ROWS_LOG2);
    caps->cols_log2 = SYSTOLE_GET(cap0, CAP0_COLS_LOG2);
    caps->word_bytes_log2 = caps->rows_log2 + 1u;
    caps->axi_bytes_log2 = SYSTOLE_GET(cap0, CAP0_AXI_BYTES_LOG2);
    caps->fp = SYSTOLE_GET(cap0, CAP0_FP) != 0u;
    caps->element_latency = SYSTOLE_GET(cap0, CAP0_ELEMENT_LATENCY);
    caps->epilogue_lanes_log2 = SYSTOLE_GET(cap0, CAP0_EPILOGUE_LANES_LOG2);
    caps->queue_depth = SYSTOLE_GET(cap0, CAP0_QUEUE_DEPTH);
    caps->max_reads = SYSTOLE_GET(cap2, CAP2_MAX_READS);
    caps->max_writes = SYSTOLE_GET(cap2, CAP2_MAX_WRITES);
    caps->address_bits = SYSTOLE_GET(cap2, CAP2_AXI_ADDR_BITS);
    caps->accel_id = SYSTOLE_GET(cap2, CAP2_ACCEL_ID);
    if (caps->rows_log2 < 1u || caps->rows_log2 > 6u || caps->cols_log2 < 1u || caps->cols_log2 > 6u ||
        caps->axi_bytes_log2 < 2u || caps->axi_bytes_log2 > 6u || caps->max_reads == 0u || caps->max_writes == 0u ||
        caps->address_bits == 0u || caps->address_bits > 64u) {
        return SYSTOLE_ERR_BAD_DEVICE;
    }
    if (act_log2 > MAX_BUFFER_WORDS_LOG2 || wgt_log2 > MAX_BUFFER_WORDS_LOG2 || acc_log2 > MAX_ACC_ROWS_LOG2 ||
        param_log2 > MAX_BUFFER_WORDS_LOG2 || wgt_log2 < caps->cols_log2) {
        return SYSTOLE_ERR_UNSUPPORTED;
    }
    caps->act_words = (uint32_t)1u << act_log2;
    caps->wgt_words = (uint32_t)1u << wgt_log2;
    caps->acc_rows = (uint32_t)1u << acc_log2;
    caps->param_entries = (uint32_t)1u << param_log2;
    return SYSTOLE_OK;
}

systole_result_t systole_init(systole_t *dev, const systole_config_t *config)
{
    systole_result_t result;
    uint64_t ring_end;

    if (dev == NULL || config == NULL || config->mmio.read32 == NULL || config->mmio.write32 == NULL || config->ring == NULL ||
        ((uintptr_t)config->ring & 3u) != 0u || (config->ring_address & (SYSTOLE_COMMAND_BYTES - 1u)) != 0u ||
        config->ring_entries_log2 > 16u) {
        return SYSTOLE_ERR_BAD_ARG;
    }
    /* Field by field: a structure assignment may become a call of memcpy, which nobody provides here. */
    dev->mmio.ctx = config->mmio.ctx;
    dev->mmio.read32 = config->mmio.read32;
    dev->mmio.write32 = config->mmio.write32;
    dev->mmio.idle = config->mmio.idle;
    dev->mmio.barrier = config->mmio.barrier;
    dev->ring = (volatile uint32_t *)config->ring;
    dev->ring_address = config->ring_address;
    dev->ring_entries_log2 = config->ring_entries_log2;

    if (systole_read(dev, SYSTOLE_REG_ID) != SYSTOLE_ID_VALUE) return SYSTOLE_ERR_BAD_DEVICE;
    if (SYSTOLE_GET(systole_read(dev, SYSTOLE_REG_VERSION), VERSION_COMMAND) != SYSTOLE_COMMAND_VERSION) {
        return SYSTOLE_ERR_VERSION;
    }
    result = read_capabilities(dev);
    if (result != SYSTOLE_OK) return result;
    ring_end = dev->ring_address + (SYSTOLE_COMMAND_BYTES << dev->ring_entries_log2) - 1u;
    if (ring_end < dev->ring_address || ring_end > systole_last_address(dev->caps.address_bits)) {
        return SYSTOLE_ERR_ADDRESS;
    }
    return systole_reset(dev);
}

systole_result_t systole_reset(systole_t *dev)
{
    uint32_t polls = 0;

    if (dev == NULL) return SYSTOLE_ERR_BAD_ARG;
    systole_write(dev, SYSTOLE_REG_CTRL, SYSTOLE_CTRL_SOFT_RESET_MASK);
    while ((systole_read(dev, SYSTOLE_REG_CTRL) & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0u) {
        if (++polls == RESET_POLLS) return SYSTOLE_ERR_TIMEOUT;
    }
    while ((systole_read(dev, SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_INIT_MASK) !=
           0u) { /* builds with parity: memories are cleared */
        if (++polls == RESET_POLLS) return SYSTOLE_ERR_TIMEOUT;
    }
    systole_write(dev, SYSTOLE_REG_RING_BASE_LO, (uint32_t)dev->ring_address);
    systole_write(dev, SYSTOLE_REG_RING_BASE_HI, (uint32_t)(dev->ring_address >> 32));
    systole_write(dev, SYSTOLE_REG_RING_SIZE, dev->ring_entries_log2);
    systole_write(dev, SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK | SYSTOLE_IRQ_STATUS_ERROR_MASK);
    systole_write(dev, SYSTOLE_REG_IRQ_ENABLE, SYSTOLE_IRQ_ENABLE_DONE_MASK | SYSTOLE_IRQ_ENABLE_ERROR_MASK);
    systole_write(dev, SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
    dev->head = 0;
    dev->tail = 0;
    dev->published = 0;
    dev->chained = false;
    return SYSTOLE_OK;
}

systole_result_t systole_set_watchdog(systole_t *dev, uint32_t cycles)
{
    if (dev == NULL) return SYSTOLE_ERR_BAD_ARG;
    systole_write(dev, SYSTOLE_REG_WATCHDOG, cycles);
    return SYSTOLE_OK;
}

static void write_window(systole_t *dev, uint32_t offset, const systole_window_t *window)
{
    systole_write(dev, offset, (uint32_t)window->base);
    systole_write(dev, offset + 4u, (uint32_t)(window->base >> 32));
    systole_write(dev, offset + 8u, (uint32_t)window->limit);
    systole_write(dev, offset + 12u, (uint32_t)(window->limit >> 32));
}

systole_result_t systole_set_windows(systole_t *dev, const systole_window_t *reads, const systole_window_t *writes)
{
    if (dev == NULL || reads == NULL || writes == NULL) return SYSTOLE_ERR_BAD_ARG;
    if (((reads->base | writes->base) & (SYSTOLE_PAGE_BYTES - 1u)) != 0u) return SYSTOLE_ERR_BAD_ARG;
    if ((~(reads->limit & writes->limit) & (SYSTOLE_PAGE_BYTES - 1u)) != 0u) return SYSTOLE_ERR_BAD_ARG;
    if ((systole_read(dev, SYSTOLE_REG_LOCK) & SYSTOLE_LOCK_WINDOWS_MASK) != 0u) return SYSTOLE_ERR_LOCKED;
    if ((systole_read(dev, SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_BUSY_MASK) != 0u) return SYSTOLE_ERR_BUSY;
    write_window(dev, SYSTOLE_REG_READ_BASE_LO, reads);
    write_window(dev, SYSTOLE_REG_WRITE_BASE_LO, writes);
    return SYSTOLE_OK;
}

systole_result_t systole_lock(systole_t *dev, uint32_t locks)
{
    if (dev == NULL || (locks & ~(SYSTOLE_LOCK_WINDOWS_MASK | SYSTOLE_LOCK_INJECT_MASK)) != 0u) return SYSTOLE_ERR_BAD_ARG;
    systole_write(dev, SYSTOLE_REG_LOCK, locks);
    return SYSTOLE_OK;
}

void systole_ring_publish(systole_t *dev)
{
    if (dev->published == dev->tail) return;
    if (dev->mmio.barrier != NULL) dev->mmio.barrier(dev->mmio.ctx);
    systole_write(dev, SYSTOLE_REG_RING_TAIL, dev->tail);
    dev->published = dev->tail;
}

systole_result_t systole_error_result(uint32_t code)
{
    switch (code) {
#define RESULT(name, result, sentence) \
    case SYSTOLE_ERROR_##name: return SYSTOLE_##result;
        SYSTOLE_ERRORS(RESULT)
#undef RESULT
        default: return SYSTOLE_ERR_DEVICE;
    }
}

/* OK, or what the accelerator has latched. */
static systole_result_t device_result(const systole_t *dev)
{
    systole_result_t result;
    if ((systole_read(dev, SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_ERROR_MASK) == 0u) return SYSTOLE_OK;
    result = systole_error_result(SYSTOLE_GET(systole_read(dev, SYSTOLE_REG_ERROR_CODE), ERROR_CODE_CODE));
    return result == SYSTOLE_OK ? SYSTOLE_ERR_DEVICE : result;
}

/* Waits until at most `left` records are incomplete. The interrupt is cleared before head is read, so that a completion in
 * between leaves it pending and idle() returns at once. */
static systole_result_t wait_until_left(systole_t *dev, uint32_t left)
{
    for (;;) {
        systole_result_t result;
        systole_write(dev, SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
        result = device_result(dev);
        if (result != SYSTOLE_OK) return result;
        dev->head = systole_read(dev, SYSTOLE_REG_RING_HEAD);
        if (dev->published - dev->head <= left) return SYSTOLE_OK;
        if (dev->mmio.idle != NULL) dev->mmio.idle(dev->mmio.ctx);
    }
}

static volatile uint32_t *ring_slot(const systole_t *dev, uint32_t index)
{
    const uint32_t slot = index & (((uint32_t)1u << dev->ring_entries_log2) - 1u);
    return dev->ring + (size_t)slot * SYSTOLE_COMMAND_WORDS;
}

static void set_irq(systole_t *dev, uint32_t index)
{
    volatile uint32_t *slot = ring_slot(dev, index);
    slot[SYSTOLE_CMD_IRQ_WORD] |= (uint32_t)1u << SYSTOLE_CMD_IRQ_LSB;
}

systole_result_t systole_ring_push(systole_t *dev, const uint32_t *record)
{
    const uint32_t size = (uint32_t)1u << dev->ring_entries_log2;
    volatile uint32_t *slot;
    uint32_t i;

    if (dev->tail - dev->head == size) {
        /* Full, as far as we know: look again. */
        const uint32_t left = size >> 1;
        dev->head = systole_read(dev, SYSTOLE_REG_RING_HEAD);
        if (dev->tail - dev->head > left) {
            /* Wait until half is free, so that the accelerator has work while more is written. The record whose completion
             * makes half free gets its interrupt bit, so that idle() may sleep; if it is published already, it was the last of an
             * earlier batch, which has the bit. */
            systole_result_t result;
            if (dev->tail - dev->published >= left + 1u) set_irq(dev, dev->tail - left - 1u);
            if (dev->tail != dev->published) set_irq(dev, dev->tail - 1u);
            systole_ring_publish(dev);
            result = wait_until_left(dev, left);
            if (result != SYSTOLE_OK) return result;
        }
    }
    slot = ring_slot(dev, dev->tail);
    for (i = 0; i < SYSTOLE_COMMAND_WORDS; ++i) slot[i] = record[i];
    ++dev->tail;
    return SYSTOLE_OK;
}

systole_result_t systole_wait(systole_t *dev)
{
    systole_result_t result;

    if (dev == NULL) return SYSTOLE_ERR_BAD_ARG;
    result = wait_until_left(dev, 0);
    /* The last record's interrupt may have risen after the clear in the loop. */
    if (result == SYSTOLE_OK) systole_write(dev, SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    return result;
}

systole_result_t systole_is_idle(systole_t *dev, bool *idle)
{
    systole_result_t result;

    if (dev == NULL || idle == NULL) return SYSTOLE_ERR_BAD_ARG;
    result = device_result(dev);
    if (result != SYSTOLE_OK) return result;
    dev->head = systole_read(dev, SYSTOLE_REG_RING_HEAD);
    *idle = dev->head == dev->published;
    return SYSTOLE_OK;
}

static uint64_t read_counter(const systole_t *dev, uint32_t low_offset, uint32_t high_offset)
{
    const uint32_t low = systole_read(dev, low_offset);
    return (uint64_t)systole_read(dev, high_offset) << 32 | low;
}

#define READ_COUNTER(dev, name) read_counter((dev), SYSTOLE_REG_COUNTER_##name##_LO, SYSTOLE_REG_COUNTER_##name##_HI)

systole_result_t systole_read_counters(systole_t *dev, systole_counters_t *counters)
{
    if (dev == NULL || counters == NULL) return SYSTOLE_ERR_BAD_ARG;
    systole_write(dev, SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK);
    counters->total = READ_COUNTER(dev, TOTAL);
    counters->compute = READ_COUNTER(dev, COMPUTE);
    counters->command = READ_COUNTER(dev, COMMAND);
    counters->weights = READ_COUNTER(dev, WEIGHTS);
    counters->activations = READ_COUNTER(dev, ACTIVATIONS);
    counters->hazard = READ_COUNTER(dev, HAZARD);
    counters->store = READ_COUNTER(dev, STORE);
    counters->drain = READ_COUNTER(dev, DRAIN);
    counters->read_bytes = READ_COUNTER(dev, READ_BYTES);
    counters->write_bytes = READ_COUNTER(dev, WRITE_BYTES);
    counters->read_bursts = READ_COUNTER(dev, READ_BURSTS);
    counters->write_bursts = READ_COUNTER(dev, WRITE_BURSTS);
    counters->macs = READ_COUNTER(dev, MACS);
    return SYSTOLE_OK;
}

systole_result_t systole_clear_counters(systole_t *dev)
{
    if (dev == NULL) return SYSTOLE_ERR_BAD_ARG;
    systole_write(dev, SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_CLEAR_MASK);
    return SYSTOLE_OK;
}

systole_result_t systole_last_error(systole_t *dev, systole_error_info_t *info)
{
    uint32_t low;

    if (dev == NULL || info == NULL) return SYSTOLE_ERR_BAD_ARG;
    info->code = SYSTOLE_GET(systole_read(dev, SYSTOLE_REG_ERROR_CODE), ERROR_CODE_CODE);
    info->index = systole_read(dev, SYSTOLE_REG_ERROR_INDEX);
    low = systole_read(dev, SYSTOLE_REG_ERROR_ADDR_LO);
    info->address = (uint64_t)systole_read(dev, SYSTOLE_REG_ERROR_ADDR_HI) << 32 | low;
    return SYSTOLE_OK;
}

const char *systole_result_string(systole_result_t result)
{
    switch (result) {
        case SYSTOLE_OK: return "ok";
        case SYSTOLE_ERR_BAD_ARG: return "bad argument";
        case SYSTOLE_ERR_BAD_DEVICE: return "not a Systole accelerator";
        case SYSTOLE_ERR_VERSION: return "command version of another driver";
        case SYSTOLE_ERR_UNSUPPORTED: return "not supported by this accelerator";
        case SYSTOLE_ERR_ADDRESS: return "operand beyond the address width";
        case SYSTOLE_ERR_DEVICE: return "the accelerator reports an error";
        case SYSTOLE_ERR_TIMEOUT: return "the accelerator does not come out of reset";
        case SYSTOLE_ERR_LOCKED: return "locked until the hardware's reset";
        case SYSTOLE_ERR_BUSY: return "commands are under way";
        case SYSTOLE_ERR_COMMAND: return "the accelerator refuses a command";
        case SYSTOLE_ERR_BUS: return "bus error";
        case SYSTOLE_ERR_WATCHDOG: return "the accelerator's watchdog expired";
        case SYSTOLE_ERR_PARAM: return "illegal parameter of a column";
        case SYSTOLE_ERR_WINDOW: return "access outside the windows";
        case SYSTOLE_ERR_INTEGRITY: return "the accelerator's memories are damaged";
    }
    return "unknown result";
}
