// SPDX-License-Identifier: Apache-2.0
// systole_control with models of everything around it: the memory behind the fetch port, the three engines, a host.
// Every cycle is checked: fetch addresses, stable payloads, what reaches each engine and in which order, the tokens, the
// retirement order (through RING_HEAD) and the cycle in which the interrupt rises.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "systole_regs.h"
#include "tb/block/control/bench.hpp"

namespace systole::tb {

using Record = std::array<uint32_t, SYSTOLE_COMMAND_WORDS>;

/// Engines in the order of the opcodes.
enum Engine : unsigned { load = 0, compute = 1, store = 2 };

// Fields by name: SET(record, LOAD_LENGTH, 4).
#define SET(record, field, value) \
  systole_field_set((record).data(), SYSTOLE_##field##_WORD, SYSTOLE_##field##_LSB, SYSTOLE_##field##_WIDTH, (value))
#define GET(record, field) \
  systole_field_get((record).data(), SYSTOLE_##field##_WORD, SYSTOLE_##field##_LSB, SYSTOLE_##field##_WIDTH)

constexpr unsigned accel_id = 3;

/// A legal record of the engine; the unused parts of it vary with `salt`, and so do the types: int8 and S32 with small ones, others
/// with the salt's upper bits.
inline Record legal_record(unsigned engine, uint32_t salt = 0) {
  Record r{};
  SET(r, CMD_OPCODE, engine + 1);
  SET(r, CMD_VERSION, 1);
  SET(r, CMD_ACCEL_ID, accel_id);
  if (engine == load) {
    SET(r, LOAD_ADDRESS_LO, salt);
    SET(r, LOAD_ADDRESS_HI, salt >> 24);
    SET(r, LOAD_DST, salt % 2048);
    SET(r, LOAD_LENGTH, 1 + salt % 9999);
    SET(r, LOAD_COUNT1, 1);
    SET(r, LOAD_COUNT2, 65535);
    SET(r, LOAD_PITCH1, ~salt);
    SET(r, LOAD_PAD_BOTTOM, salt);
  } else if (engine == compute) {
    SET(r, MATMUL_A_DTYPE, salt & 1);
    SET(r, MATMUL_B_DTYPE, salt >> 1 & 1);
    SET(r, MATMUL_SEED, salt % 3);
    SET(r, MATMUL_ACT, salt % 2048);
    SET(r, MATMUL_WGT, salt % 1024);
    SET(r, MATMUL_ACC, salt % 2048);
    SET(r, MATMUL_PARAM, salt % 64);
    SET(r, MATMUL_M0, 1);
    SET(r, MATMUL_M1, 2);
    SET(r, MATMUL_K0, 3);
    SET(r, MATMUL_K1, 4);
    SET(r, MATMUL_N, 5);
    SET(r, MATMUL_K_TAIL, 1 + salt % 32);
    if (salt >> 30 != 0) {  // binary16 or bfloat16
      SET(r, MATMUL_A_DTYPE, SYSTOLE_DTYPE_FP16 + (salt >> 31));
      SET(r, MATMUL_B_DTYPE, SYSTOLE_DTYPE_FP16 + (salt >> 31));
      SET(r, MATMUL_K_TAIL, 2 + 2 * (salt % 16));
    }
    SET(r, MATMUL_N_TAIL, 1 + salt % 16);
    SET(r, MATMUL_ACC_N_STRIDE, salt);
  } else {
    SET(r, STORE_ADDRESS_LO, salt);
    SET(r, STORE_ACC, salt % 2048);
    SET(r, STORE_M0, 1);
    SET(r, STORE_M1, 1);
    SET(r, STORE_N, 65535);
    SET(r, STORE_N_TAIL, 16);
    SET(r, STORE_OUT_DTYPE, SYSTOLE_DTYPE_S32);
    SET(r, STORE_PITCH1, salt);
    if (salt >> 30 == 1) {  // U8, with parameters from the banks
      SET(r, STORE_OUT_DTYPE, SYSTOLE_DTYPE_U8);
      SET(r, STORE_REQUANT, SYSTOLE_REQUANT_FIXED);
      SET(r, STORE_PER_COLUMN, 1);
      SET(r, STORE_OUT_ZERO_POINT, salt);
      SET(r, STORE_CLAMP_MIN, salt % 100);
      SET(r, STORE_CLAMP_MAX, 255);
      SET(r, STORE_PARAM, salt % 64);
    } else if (salt >> 30 != 0) {  // bfloat16, between -2 and +infinity
      SET(r, STORE_OUT_DTYPE, SYSTOLE_DTYPE_BF16);
      SET(r, STORE_CLAMP_MIN, 0xC0000000);
      SET(r, STORE_CLAMP_MAX, 0x7F800000);
    }
  }
  return r;
}

inline void put_beat(IData &port, const uint32_t *words) { port = words[0]; }
template <std::size_t N>
void put_beat(VlWide<N> &port, const uint32_t *words) {
  for (std::size_t i = 0; i < N; ++i) port[i] = words[i];
}

/// How the surroundings behave.
struct Manners {
  unsigned ar_ready_percent = 100;
  unsigned latency = 5;         // cycles from AR to the first beat
  unsigned beat_percent = 100;  // chance of a beat in a cycle
  unsigned accept_percent = 100;
  unsigned work = 0;  // an engine takes 1 to 1 + work cycles a command
};

template <class Dut, unsigned AxiBits>
class ControlBench {
 public:
  static constexpr unsigned beats = 512 / AxiBits;
  static constexpr uint32_t beat_bytes = AxiBits / 8;

  struct Issued {
    uint32_t index;
    Record record;
    uint64_t cycle;
  };

  ControlBench() : dut(random.seed()), master(*dut, random) {
    dut->rst_ni = 0;
    idle_inputs();
    for (int i = 0; i < 4; ++i) cycle([] {});
    EXPECT_FALSE(dut->fetch_ar_valid_o || dut->s_axil_bvalid_o || dut->s_axil_rvalid_o || dut->irq_o);
    dut->rst_ni = 1;
    cycle([] {});
  }

  // --- host ---
  auto clock() {
    return [this](auto &&sample) { this->cycle(sample); };
  }
  unsigned write(uint32_t offset, uint32_t data) { return master.write(clock(), offset, data); }
  uint32_t read(uint32_t offset) {
    const ReadResult result = master.read(clock(), offset, [this] { head_when_read = model_head; });
    EXPECT_EQ(result.resp, 0U);
    return result.data;
  }
  uint64_t read64(uint32_t low) { return read(low) | uint64_t{read(low + 4)} << 32; }

  /// Programs the ring and enables the machine.
  void start(uint64_t base, unsigned entries_log2) {
    ring_base = base;
    ring_entries = 1U << entries_log2;
    ring_memory.assign(ring_entries, Record{});
    write(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(base));
    write(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(base >> 32));
    write(SYSTOLE_REG_RING_SIZE, entries_log2);
    write(SYSTOLE_REG_IRQ_ENABLE, 3);
    write(SYSTOLE_REG_CTRL, 1);
  }

  /// Puts a record into its slot, without a doorbell.
  void put(const Record &record) {
    ring_memory[(written) & (ring_entries - 1)] = record;
    program.push_back(record);
    ++written;
  }
  /// Rings the doorbell for all records put so far.
  void doorbell() { EXPECT_EQ(write(SYSTOLE_REG_RING_TAIL, written), 0U); }

  /// Runs a program of any length through the ring, a few records a doorbell, and waits for its end.
  void run(const std::vector<Record> &records) {
    std::size_t next = 0;
    uint64_t guard = 0;
    while (next < records.size() || model_head != written) {
      unsigned burst = random.below(ring_entries) + 1;
      bool any = false;
      while (next < records.size() && written - model_head < ring_entries && burst-- != 0) {
        put(records[next++]);
        any = true;
      }
      if (any) doorbell();
      if (random.percent(30)) {
        const uint32_t head = read(SYSTOLE_REG_RING_HEAD);
        EXPECT_EQ(head, head_when_read);
      }
      cycle([] {});
      ASSERT_EQ(dut->stop_o, 0) << "the machine stopped";
      ASSERT_LT(++guard, 200000U) << "head " << model_head << " of " << written;
      if (testing::Test::HasFailure()) return;
    }
  }
  void wait_cycles(unsigned n) {
    for (unsigned i = 0; i < n; ++i) cycle([] {});
  }
  /// Waits for a condition, at most `limit` cycles; true if it came.
  bool wait_for(const std::function<bool()> &condition, unsigned limit = 2000) {
    for (unsigned i = 0; i < limit; ++i) {
      if (condition()) return true;
      cycle([] {});
    }
    return false;
  }

  /// Soft reset, waiting for its end; the models start afresh with it.
  void soft_reset() {
    write(SYSTOLE_REG_CTRL, 3);
    ASSERT_TRUE(wait_for([this] { return (read(SYSTOLE_REG_CTRL) & 2) == 0; }));
  }

  /// Two register writes without waiting for the first one's answer, with idle cycles between. @returns the cycles that took them
  std::array<uint64_t, 2> post(const std::array<std::pair<uint32_t, uint32_t>, 2> &writes, unsigned gap) {
    std::array<uint64_t, 2> when{};
    dut->s_axil_bready_i = 1;
    for (unsigned i = 0; i < 2; ++i) {
      dut->s_axil_awvalid_i = dut->s_axil_wvalid_i = 1;
      dut->s_axil_awaddr_i = static_cast<SData>(writes[i].first);
      dut->s_axil_wdata_i = writes[i].second;
      dut->s_axil_wstrb_i = 15;
      bool taken = false;
      while (!taken) {
        when[i] = now;
        cycle([&] { taken = dut->s_axil_awready_o != 0 && dut->s_axil_wready_o != 0; });
      }
      dut->s_axil_awvalid_i = dut->s_axil_wvalid_i = 0;
      if (i == 0) wait_cycles(gap == 0 ? 0 : gap + 1);
    }
    wait_cycles(4);
    dut->s_axil_bready_i = 0;
    return when;
  }

  // --- one cycle ---
  template <class Sample>
  void cycle(Sample &&sample) {
    drive();
    dut.settle();
    sample();
    observe();
    dut.edge();
    ++now;
  }

  /// What the engines do; may be replaced by a test.
  Manners manners;
  std::array<bool, 3> frozen{};                   // the engine starts nothing
  std::optional<std::pair<uint32_t, bool>> fail;  // fetch of this ring index answers with an error (true: only its first beat)
  bool hold_reads = false;                        // the memory answers nothing
  bool quiet = true;
  unsigned reset_cycles = 0;  // cycles of engine_rst_no low since the last power-on
  unsigned reset_run = 0;     // length of the present or last pulse

  Random random;
  Clocked<Dut> dut;
  LiteMaster<Dut> master;
  uint64_t now = 0;
  uint64_t ring_base = 0;
  uint32_t ring_entries = 1;
  std::vector<Record> ring_memory = std::vector<Record>(1);
  std::vector<Record> program;  // record i has ring index i
  uint32_t written = 0;
  uint32_t fetched = 0;  // requests so far
  uint32_t model_head = 0;
  uint32_t head_when_read = 0;
  std::array<std::vector<Issued>, 3> issued;  // what each engine took
  std::array<unsigned, 3> completions{};
  std::array<unsigned, 8> tokens{};
  std::vector<uint64_t> ar_cycles;         // cycles of AR handshakes
  std::vector<uint64_t> last_beat_cycles;  // cycles of last beats
  std::vector<uint64_t> irq_cycles;        // rises of irq_o
  uint64_t stop_cycle = 0;                 // first cycle of stop_o
  uint64_t read_bytes = 0;
  std::function<void()> before;  // a test's own inputs, called last in drive()

 private:
  struct Job {
    uint32_t index;
    Record record;
    bool started = false;
    uint64_t done_at = 0;
  };

  void idle_inputs() {
    Dut &d = *dut;
    d.s_axil_awvalid_i = d.s_axil_wvalid_i = d.s_axil_bready_i = d.s_axil_arvalid_i = d.s_axil_rready_i = 0;
    d.load_err_valid_i = d.compute_err_valid_i = d.store_err_valid_i = 0;
    d.row_issue_i = d.act_cause_i = d.compute_waiting_i = d.r_beat_i = d.w_beat_i = 0;
  }

  static Record words_of(const VlWide<16> &wide) {
    Record r{};
    for (unsigned i = 0; i < 16; ++i) r[i] = wide[i];
    return r;
  }

  void drive() {
    Dut &d = *dut;
    d.quiet_i = quiet;
    // Memory: in order, a fixed latency, beats with gaps.
    d.fetch_ar_ready_i = random.percent(manners.ar_ready_percent);
    const bool beat = !hold_reads && !reads.empty() && reads.front().second <= now && random.percent(manners.beat_percent);
    std::array<uint32_t, 16> garbage{};
    for (uint32_t &word : garbage) word = random.word();
    d.fetch_r_valid_i = beat;
    d.fetch_r_last_i = random.below(2);
    d.fetch_r_err_i = random.below(2);
    put_beat(d.fetch_r_data_i, garbage.data());
    if (beat) {
      const uint32_t index = reads.front().first;
      put_beat(d.fetch_r_data_i, ring_memory[index & (ring_entries - 1)].data() + beat_number * (AxiBits / 32));
      d.fetch_r_last_i = beat_number == beats - 1;
      d.fetch_r_err_i = fail && fail->first == index && (!fail->second || beat_number == 0);
      read_bytes += beat_bytes;
    }
    d.r_beat_i = beat;
    // Engines.
    std::array<unsigned, 3> take{};
    std::array<unsigned, 3> give{};
    std::array<bool, 3> done{};
    const unsigned available = d.tok_avail_o;
    for (unsigned e = 0; e < 3; ++e) {
      ready[e] = !frozen[e] && jobs[e].size() < 3 && random.percent(manners.accept_percent);
      if (jobs[e].empty()) continue;
      Job &job = jobs[e].front();
      if (!job.started && !frozen[e]) {
        const unsigned wait = GET(job.record, CMD_WAIT);
        if ((wait & ~available) == 0) {
          take[e] = wait;
          job.started = true;
          job.done_at = now + 1 + random.below(manners.work + 1);
        }
      } else if (job.started && now >= job.done_at) {
        give[e] = GET(job.record, CMD_GIVE);
        done[e] = true;
      }
    }
    d.load_cmd_ready_i = ready[0];
    d.compute_cmd_ready_i = ready[1];
    d.store_cmd_ready_i = ready[2];
    d.load_take_i = static_cast<CData>(take[0]);
    d.compute_take_i = static_cast<CData>(take[1]);
    d.store_take_i = static_cast<CData>(take[2]);
    d.load_give_i = static_cast<CData>(give[0]);
    d.compute_give_i = static_cast<CData>(give[1]);
    d.store_give_i = static_cast<CData>(give[2]);
    d.load_done_i = done[0];
    d.compute_done_i = done[1];
    d.store_done_i = done[2];
    taken = take[0] | take[1] | take[2];
    given = give[0] | give[1] | give[2];
    finished = done;
    if (before) before();
  }

  void check_stable(bool valid, bool ready_now, const Record &record, uint32_t index, unsigned e) {
    if (held[e]) {
      EXPECT_TRUE(valid) << "engine " << e << ": valid fell before ready";
      if (valid) EXPECT_TRUE(record == held[e]->second && index == held[e]->first) << "engine " << e << ": payload changed";
    }
    held[e].reset();
    if (valid && !ready_now) held[e] = std::make_pair(index, record);
  }

  void observe() {
    Dut &d = *dut;
    if (d.rst_ni == 0) return;
    if (d.engine_rst_no == 0) {
      ++reset_cycles;
      reset_run = in_reset ? reset_run + 1 : 1;
      in_reset = true;
      restart();
      return;
    }
    in_reset = false;
    // Fetch requests: in order, nothing beyond the tail, held until taken.
    if (ar_held) {
      EXPECT_TRUE(d.fetch_ar_valid_o);
      EXPECT_EQ(d.fetch_ar_addr_o, *ar_held);
    }
    ar_held.reset();
    if (d.fetch_ar_valid_o) {
      if (stopped_before) EXPECT_TRUE(ar_before) << "a new request while stopped";
      EXPECT_EQ(d.fetch_ar_addr_o, ring_base + (fetched & (ring_entries - 1)) * 64);
      if (d.fetch_ar_ready_i) {
        EXPECT_LT(fetched, written) << "fetch beyond the tail";
        ar_cycles.push_back(now);
        reads.emplace_back(fetched++, now + manners.latency);
      } else {
        ar_held = d.fetch_ar_addr_o;
      }
    }
    ar_before = d.fetch_ar_valid_o && !d.fetch_ar_ready_i;
    stopped_before = d.stop_o;
    if (d.stop_o && stop_cycle == 0) stop_cycle = now;
    if (d.fetch_r_valid_i) {
      if (++beat_number == beats) {
        beat_number = 0;
        reads.pop_front();
        last_beat_cycles.push_back(now);
      }
    }
    // Tokens.
    for (unsigned t = 0; t < 8; ++t) {
      EXPECT_EQ(d.tok_avail_o >> t & 1, tokens[t] != 0 ? 1 : 0) << "token " << t;
      tokens[t] += (given >> t & 1) - (taken >> t & 1);
      if (tokens[t] == 16) tokens[t] = 15;
    }
    // Engines: each gets its own records, in ring order, with their indices.
    const std::array<bool, 3> valid{d.load_cmd_valid_o != 0, d.compute_cmd_valid_o != 0, d.store_cmd_valid_o != 0};
    const std::array<Record, 3> record{words_of(d.load_cmd_o), words_of(d.compute_cmd_o), words_of(d.store_cmd_o)};
    const std::array<uint32_t, 3> index{d.load_idx_o, d.compute_idx_o, d.store_idx_o};
    for (unsigned e = 0; e < 3; ++e) {
      check_stable(valid[e], ready[e], record[e], index[e], e);
      if (finished[e]) {
        jobs[e].pop_front();
        ++completions[e];
        ++retirable[e];
      }
      if (!valid[e]) continue;
      while (expected[e] < program.size() && GET(program[expected[e]], CMD_OPCODE) != e + 1) ++expected[e];
      if (expected[e] >= program.size()) {
        ADD_FAILURE() << "engine " << e << " got a record too many, index " << index[e];
        continue;
      }
      EXPECT_EQ(index[e], expected[e]);
      EXPECT_TRUE(record[e] == program[expected[e]]) << "engine " << e << ", index " << index[e];
      if (ready[e]) {
        issued[e].push_back({index[e], record[e], now});
        jobs[e].push_back({index[e], record[e]});
        ++expected[e];
      }
    }
    // Interrupt: rises with the head, and only then.
    const bool rose = d.irq_o && !irq_before;
    if (rose) irq_cycles.push_back(now);
    if (irq_due) EXPECT_TRUE(d.irq_o) << "the interrupt is late";
    if (rose && !d.stop_o) EXPECT_TRUE(irq_due) << "the interrupt is early";
    irq_before = d.irq_o;
    // Retirement: one a cycle, in ring order.
    irq_due = false;
    if (model_head < program.size()) {
      const unsigned engine = GET(program[model_head], CMD_OPCODE) - 1;
      if (engine < 3 && retirable[engine] != 0) {
        --retirable[engine];
        irq_due = GET(program[model_head], CMD_IRQ) != 0;
        ++model_head;
      }
    }
  }

  void restart() {
    program.clear();
    written = fetched = model_head = 0;
    reads.clear();
    beat_number = 0;
    for (unsigned e = 0; e < 3; ++e) {
      jobs[e].clear();
      held[e].reset();
      issued[e].clear();
      expected[e] = retirable[e] = completions[e] = 0;
    }
    tokens.fill(0);
    ar_held.reset();
    irq_due = irq_before = ar_before = stopped_before = false;
    stop_cycle = 0;
    ar_cycles.clear();
    last_beat_cycles.clear();
    irq_cycles.clear();
    fail.reset();
  }

  std::deque<std::pair<uint32_t, uint64_t>> reads;  // ring index, cycle of its first beat
  unsigned beat_number = 0;
  std::array<std::deque<Job>, 3> jobs;
  std::array<bool, 3> ready{};
  std::array<bool, 3> finished{};
  std::array<std::optional<std::pair<uint32_t, Record>>, 3> held;
  std::array<uint32_t, 3> expected{};
  std::array<unsigned, 3> retirable{};
  unsigned taken = 0, given = 0;
  std::optional<uint64_t> ar_held;
  bool irq_due = false, irq_before = false, ar_before = false, stopped_before = false, in_reset = false;
};

}  // namespace systole::tb
