// SPDX-License-Identifier: Apache-2.0
#include "ring_checker.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace systole::test {

namespace {

#define FIELD(record, name) \
  systole_field_get((record).data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)
#define SIGNED16(record, name) static_cast<int16_t>(FIELD(record, name))
#define SIGNED32(record, name) static_cast<int32_t>(FIELD(record, name))

struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename... Parts>
void Require(bool condition, const char *what, Parts... numbers) {
  if (condition) return;
  std::string text = what;
  ((text += " " + std::to_string(numbers)), ...);
  throw Wrong(text);
}

// --- time: events in chains, vector clocks ---------------------------------------------------------------------------

// Each engine's commands run in order, but may overlap; only these events are ordered within a chain.
enum Chain {
  LOAD_START,
  LOAD_END,
  WEIGHTS,      // begin and end of the weight reads of each MATMUL
  ACTIVATIONS,  // begin and end of its activation reads; the begin is its first tile's start
  COMPUTE_END,
  STORE_READ,  // begin and end of the accumulator reads of each STORE
  STORE_END,
  CHAINS
};

using Clock = std::array<uint32_t, CHAINS>;  // events of each chain that have certainly happened

struct Event {
  Clock clock{};  // including itself
  Chain chain = LOAD_START;

  uint32_t index() const { return clock[chain]; }
  bool Before(const Event &other) const { return other.clock[chain] >= index(); }
};

struct Interval {
  Event begin, end;
};

class Time {
 public:
  /// The chain's next event, after everything in `after`.
  Event Add(Chain chain, const Clock &after) {
    Event event;
    event.chain = chain;
    event.clock = last_[chain].clock;
    Join(event.clock, after);
    event.clock[chain] = ++count_[chain];
    last_[chain] = event;
    return event;
  }
  static void Join(Clock &clock, const Clock &other) {
    for (size_t i = 0; i < CHAINS; ++i) clock[i] = std::max(clock[i], other[i]);
  }

 private:
  std::array<Event, CHAINS> last_{};
  std::array<uint32_t, CHAINS> count_{};
};

// --- tokens ------------------------------------------------------------------------------------------------------------

class Tokens {
 public:
  // The i-th take happens after the i-th give, whatever the speeds: engines give and take in order.
  const Clock &NextGiver(unsigned token) const {
    Require(takes_[token].size() < gives_[token].size(), "token taken before it is given in the ring:", token);
    return gives_[token][takes_[token].size()].clock;
  }
  void Take(unsigned token, const Event &event) { takes_[token].push_back(event); }
  void Give(unsigned token, const Event &event) {
    gives_[token].push_back(event);
    size_t certain = certain_[token];
    const auto &takes = takes_[token];
    while (certain < takes.size() && takes[certain].Before(event)) ++certain;
    certain_[token] = certain;
    Require(gives_[token].size() - certain <= 15, "token counter may overflow:", token);
  }
  size_t Left(unsigned token) const { return gives_[token].size() - takes_[token].size(); }

 private:
  std::array<std::vector<Event>, 8> gives_, takes_;
  std::array<size_t, 8> certain_{};
};

// --- memories ------------------------------------------------------------------------------------------------------------

// Who used a word last. Users of one kind run in order, so the last one of each is enough.
struct Usage {
  enum User { LOAD, MATMUL, STORE, USERS };
  std::array<bool, USERS> used{};
  std::array<bool, USERS> wrote{};
  std::array<Event, USERS> end{};

  void Access(User user, bool write, const Interval &when, const char *what, size_t word) {
    for (int other = 0; other < USERS; ++other) {
      if (other == user || !used[static_cast<size_t>(other)]) continue;
      if (!write && !wrote[static_cast<size_t>(other)]) continue;
      Require(end[static_cast<size_t>(other)].Before(when.begin), what, word);
    }
    if (write) {  // what came before is ordered by now
      for (int other = 0; other < USERS; ++other) {
        if (other != user) used[static_cast<size_t>(other)] = false;
      }
      wrote[user] = true;
    } else if (!used[user]) {
      wrote[user] = false;
    }
    used[user] = true;
    end[user] = when.end;
  }
};

uint32_t ElementBytes(uint32_t dtype) {
  if (dtype == SYSTOLE_DTYPE_S8 || dtype == SYSTOLE_DTYPE_U8) return 1;
  return dtype == SYSTOLE_DTYPE_FP16 || dtype == SYSTOLE_DTYPE_BF16 ? 2 : 4;
}

bool IsInt8(uint32_t dtype) { return dtype == SYSTOLE_DTYPE_S8 || dtype == SYSTOLE_DTYPE_U8; }

float AsFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

uint32_t AsBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// A word of an operand buffer: bytes k .. k+bytes of row `row` of job `job`'s matrix.
struct OperandWord {
  int job = -1;
  uint32_t row = 0, bytes = 0;
  uint64_t k = 0;
  Usage usage;
};

// One column of an accumulator row.
struct Sum {
  enum State { NOTHING, SEEDED, RUNNING };
  State state = NOTHING;
  int job = -1;
  uint32_t m = 0, n = 0;
  uint64_t k = 0;  // products up to byte k of the operands' rows are in
};

struct ParamColumn {
  int job = -1;
  uint32_t n = 0;
};

// --- the checker -----------------------------------------------------------------------------------------------------------

class Checker {
 public:
  Checker(const Shape &shape, const std::vector<systole_gemm_t> &jobs)
      : shape_(shape),
        jobs_(jobs),
        cols_(1u << shape.cols_log2),
        word_(2u << shape.rows_log2),
        acc_rows_(1u << shape.acc_rows_log2),
        act_(size_t{1} << shape.act_words_log2),
        wgt_(size_t{1} << shape.wgt_words_log2),
        sums_(size_t{2} * acc_rows_ * cols_),
        acc_usage_(size_t{2} * acc_rows_) {
    for (auto &bank : params_) bank.resize(size_t{cols_} << shape.param_entries_log2);
    for (auto &bank : param_usage_) bank.resize(size_t{1} << shape.param_entries_log2);
    for (const auto &job : jobs) stored_.emplace_back(size_t{job.m} * job.n, false);
  }

  void Run(const std::vector<Record> &records, bool interrupts_within) {
    for (size_t i = 0; i < records.size(); ++i) {
      try {
        const bool irq = FIELD(records[i], CMD_IRQ) != 0;
        Execute(records[i]);
        if (!interrupts_within) Require(irq == (left_ == 0), "interrupt");
        if (left_ == 0) {
          Require(irq, "no interrupt at the end of a job");
          ++job_;
          if (job_ < jobs_.size()) left_ = Elements();
        }
      } catch (const Wrong &wrong) {
        throw Wrong("record " + std::to_string(i) + ": " + wrong.what());
      }
    }
    Require(job_ == jobs_.size(), "job not complete:", job_);
    for (unsigned token = 0; token < 8; ++token) {
      Require(tokens_.Left(token) == (token == 6 ? 1u : 0u), "token left over:", token);
    }
  }

 private:
  static constexpr size_t BANKS = 4;
  static constexpr unsigned ACT_FULL = 0, WGT_FULL = 1, ACC_FREE = 5;

  size_t Elements() const { return size_t{jobs_[job_].m} * jobs_[job_].n; }

  void Execute(const Record &record) {
    if (job_ >= jobs_.size()) throw Wrong("record after the last job");
    if (left_ == 0) left_ = Elements();
    Require(FIELD(record, CMD_VERSION) == SYSTOLE_COMMAND_VERSION, "version");
    Require(FIELD(record, CMD_ACCEL_ID) == shape_.accel_id, "accelerator ID");
    switch (FIELD(record, CMD_OPCODE)) {
      case SYSTOLE_OPCODE_LOAD: Load(record); break;
      case SYSTOLE_OPCODE_MATMUL: Matmul(record); break;
      case SYSTOLE_OPCODE_STORE: Store(record); break;
      default: throw Wrong("opcode");
    }
  }

  static void CheckReserved(const Record &record, const uint32_t *mask) {
    for (size_t i = 0; i < record.size(); ++i) Require((record[i] & mask[i]) == 0, "reserved bit in word", i);
  }

  static void CheckTokens(const Record &record, uint32_t takes, uint32_t gives) {
    Require((FIELD(record, CMD_WAIT) & ~takes) == 0, "takes a token of another engine");
    Require((FIELD(record, CMD_GIVE) & ~gives) == 0, "gives a token of another engine");
  }

  void Give(const Record &record, uint32_t mask, const Event &event) {
    for (unsigned token = 0; token < 8; ++token) {
      if ((FIELD(record, CMD_GIVE) & mask) >> token & 1u) tokens_.Give(token, event);
    }
  }

  // The next event of `chain`, which takes those of the record's tokens that are in `mask`.
  Event Begin(const Record &record, Chain chain, uint32_t mask, Clock after = {}) {
    const uint32_t tokens = FIELD(record, CMD_WAIT) & mask;
    for (unsigned token = 0; token < 8; ++token) {
      if ((tokens >> token & 1u) != 0) Time::Join(after, tokens_.NextGiver(token));
    }
    const Event event = time_.Add(chain, after);
    for (unsigned token = 0; token < 8; ++token) {
      if ((tokens >> token & 1u) != 0) tokens_.Take(token, event);
    }
    return event;
  }

  // Finds (row, byte) of a matrix of `rows` rows of `bytes` bytes at a memory address.
  static std::pair<uint32_t, uint64_t> Locate(uint64_t address, uint64_t base, int64_t pitch, uint32_t rows, uint64_t bytes,
                                              const char *what) {
    const auto distance = static_cast<int64_t>(address - base);
    int64_t row = 0;
    if (rows > 1) {
      const int64_t size = pitch < 0 ? -pitch : pitch;
      int64_t steps = distance >= 0 ? distance / size : -((-distance + size - 1) / size);
      row = pitch < 0 ? -steps : steps;
    }
    const int64_t offset = distance - (rows > 1 ? row * pitch : 0);
    Require(row >= 0 && row < int64_t{rows} && offset >= 0 && static_cast<uint64_t>(offset) < bytes, what, row, offset);
    return {static_cast<uint32_t>(row), static_cast<uint64_t>(offset)};
  }

  void Load(const Record &record) {
    CheckReserved(record, SYSTOLE_LOAD_RESERVED);
    CheckTokens(record, SYSTOLE_LOAD_TAKES, SYSTOLE_LOAD_GIVES);
    const systole_gemm_t &job = jobs_[job_];
    const uint32_t dest = FIELD(record, LOAD_DEST), bank = FIELD(record, LOAD_BANK), length = FIELD(record, LOAD_LENGTH);
    const uint32_t count1 = FIELD(record, LOAD_COUNT1), count2 = FIELD(record, LOAD_COUNT2);
    const uint64_t address = uint64_t{FIELD(record, LOAD_ADDRESS_HI)} << 32 | FIELD(record, LOAD_ADDRESS_LO);
    Require(length > 0 && count1 > 0 && count2 > 0 && dest <= 3 && (dest == 3 ? bank < BANKS : bank == 0), "LOAD field");
    Require(record[10] == 0, "padding");

    Interval when;
    when.begin = Begin(record, LOAD_START, 0xFF);
    when.end = time_.Add(LOAD_END, when.begin.clock);
    size_t word = FIELD(record, LOAD_DST);
    for (uint32_t i2 = 0; i2 < count2; ++i2) {
      for (uint32_t i1 = 0; i1 < count1; ++i1) {
        const uint64_t item = address + static_cast<uint64_t>(int64_t{SIGNED32(record, LOAD_PITCH1)} * i1 +
                                                              int64_t{SIGNED32(record, LOAD_PITCH2)} * i2);
        if (dest == SYSTOLE_DEST_ACT) {
          LoadOperand(act_, word, item, length, job.a, job.a_pitch, job.m, when);
        } else if (dest == SYSTOLE_DEST_WGT) {
          LoadOperand(wgt_, word, item, length, job.b, job.b_pitch, job.n, when);
        } else if (dest == SYSTOLE_DEST_ACC) {
          LoadSeed(word, item, length, when);
        } else {
          LoadParams(bank, word, item, length, when);
        }
      }
    }
    Give(record, 0xFF, when.end);
  }

  void LoadOperand(std::vector<OperandWord> &buffer, size_t &word, uint64_t address, uint32_t length, uint64_t base,
                   int64_t pitch, uint32_t rows, const Interval &when) {
    const uint32_t size = ElementBytes(jobs_[job_].a_dtype);
    const uint64_t k_total = uint64_t{jobs_[job_].k} * size;
    const auto [row, k] = Locate(address, base, pitch, rows, k_total, "operand load outside its matrix");
    Require(k % size == 0 && length % size == 0, "operand load cuts an element");
    Require(k + length <= k_total, "operand load past the row's end");
    for (uint32_t done = 0; done < length; done += word_, ++word) {
      Require(word < buffer.size(), "operand load outside the buffer, word", word);
      OperandWord &w = buffer[word];
      w.usage.Access(Usage::LOAD, true, when, "operand overwritten while in use, word", word);
      w.job = static_cast<int>(job_);
      w.row = row;
      w.k = k + done;
      w.bytes = std::min(word_, length - done);
    }
  }

  void LoadSeed(size_t &word, uint64_t address, uint32_t length, const Interval &when) {
    const systole_gemm_t &job = jobs_[job_];
    Require(job.seed != 0, "no seed matrix");
    const auto [row, offset] =
        Locate(address, job.seed, job.seed_pitch, job.m, uint64_t{job.n} * 4, "seed load outside its matrix");
    Require(offset % 4 == 0 && length % 4 == 0 && offset + length <= uint64_t{job.n} * 4, "seed load cuts an element");
    for (uint32_t done = 0; done < length; done += 4 * cols_, ++word) {
      Require(word < acc_usage_.size(), "seed load outside the accumulators");
      acc_usage_[word].Access(Usage::LOAD, true, when, "accumulator seeded while in use, row", word);
      for (uint32_t c = 0; c < cols_; ++c) {
        Sum &sum = sums_[word * cols_ + c];
        sum.state = done + 4 * c < length ? Sum::SEEDED : Sum::NOTHING;
        sum.job = static_cast<int>(job_);
        sum.m = row;
        sum.n = static_cast<uint32_t>((offset + done) / 4) + c;
        sum.k = 0;
      }
    }
  }

  void LoadParams(uint32_t bank, size_t &word, uint64_t address, uint32_t length, const Interval &when) {
    const systole_gemm_t &job = jobs_[job_];
    const uint32_t size = bank == SYSTOLE_BANK_BIAS || bank == SYSTOLE_BANK_SCALE ? 4 : 1;
    const uint64_t base = bank == SYSTOLE_BANK_BIAS           ? job.bias
                          : bank == SYSTOLE_BANK_B_ZERO_POINT ? job.b_zero_points
                          : bank == SYSTOLE_BANK_SCALE        ? job.epilogue.scales
                                                              : job.epilogue.shifts;
    Require(base != 0, "load of parameters that the job has not");
    Require(address >= base && (address - base) % size == 0 && length % size == 0 &&
                address - base + length <= uint64_t{job.n} * size,
            "parameter load outside its vector");
    for (uint32_t done = 0; done < length; done += size * cols_, ++word) {
      Require(word < param_usage_[bank].size(), "parameter load outside its bank");
      param_usage_[bank][word].Access(Usage::LOAD, true, when, "parameter overwritten while in use, entry", word);
      for (uint32_t c = 0; c < cols_; ++c) {
        ParamColumn &column = params_[bank][word * cols_ + c];
        column.job = done + size * c < length ? static_cast<int>(job_) : -1;
        column.n = static_cast<uint32_t>((address - base + done) / size) + c;
      }
    }
  }

  void Matmul(const Record &r) {
    CheckReserved(r, SYSTOLE_MATMUL_RESERVED);
    CheckTokens(r, SYSTOLE_COMPUTE_TAKES, SYSTOLE_COMPUTE_GIVES);
    const systole_gemm_t &job = jobs_[job_];
    const uint32_t seed = FIELD(r, MATMUL_SEED), k_tail = FIELD(r, MATMUL_K_TAIL), n_tail = FIELD(r, MATMUL_N_TAIL);
    const uint32_t m0 = FIELD(r, MATMUL_M0), m1 = FIELD(r, MATMUL_M1), k0 = FIELD(r, MATMUL_K0), k1 = FIELD(r, MATMUL_K1);
    const uint32_t tiles = FIELD(r, MATMUL_N), param = FIELD(r, MATMUL_PARAM);
    const bool per_column = FIELD(r, MATMUL_B_ZP_PER_COLUMN) != 0;
    Require(m0 > 0 && m1 > 0 && k0 > 0 && k1 > 0 && tiles > 0, "MATMUL count");
    Require(k_tail >= 1 && k_tail <= word_ && n_tail >= 1 && n_tail <= cols_, "MATMUL tail");
    Require(FIELD(r, MATMUL_A_DTYPE) == job.a_dtype && FIELD(r, MATMUL_B_DTYPE) == job.b_dtype, "type");
    const bool integers = IsInt8(job.a_dtype) && IsInt8(job.b_dtype);
    Require(integers || (ElementBytes(job.a_dtype) == 2 && job.a_dtype == job.b_dtype && shape_.fp),
            "types that do not go together");
    if (!integers) {
      Require(k_tail % 2 == 0, "half an element at K's end");
      Require(FIELD(r, MATMUL_A_ZERO_POINT) == 0 && FIELD(r, MATMUL_B_ZERO_POINT) == 0 && !per_column, "float zero point");
    }
    Require(FIELD(r, MATMUL_A_ZERO_POINT) == job.a_zero_point, "zero point of A");
    Require(per_column == (job.b_zero_points != 0), "zero point mode of B");
    if (!per_column) Require(FIELD(r, MATMUL_B_ZERO_POINT) == job.b_zero_point, "zero point of B");
    Require(seed <= 2, "seed");

    Interval weights, activations, sums;
    weights.begin = Begin(r, WEIGHTS, 1u << WGT_FULL);
    weights.end = time_.Add(WEIGHTS, {});
    activations.begin = Begin(r, ACTIVATIONS, 1u << ACT_FULL | 1u << ACC_FREE, weights.begin.clock);
    activations.end = time_.Add(ACTIVATIONS, weights.end.clock);
    sums.begin = activations.begin;
    sums.end = time_.Add(COMPUTE_END, activations.end.clock);

    for (uint32_t t = 0; t < tiles; ++t) {
      const uint32_t columns = t + 1 == tiles ? n_tail : cols_;
      if (seed == SYSTOLE_SEED_BIAS) UseParam(Usage::MATMUL, SYSTOLE_BANK_BIAS, param + t, sums);
      if (per_column) UseParam(Usage::MATMUL, SYSTOLE_BANK_B_ZERO_POINT, param + t, weights);
      for (uint32_t ko = 0; ko < k1; ++ko) {
        for (uint32_t ki = 0; ki < k0; ++ki) {
          const uint32_t valid = ki + 1 == k0 ? k_tail : word_;
          const bool first = ko == 0 && ki == 0;
          for (uint32_t c = 0; c < columns; ++c) {
            const int64_t word = int64_t{FIELD(r, MATMUL_WGT)} + int64_t{t} * SIGNED16(r, MATMUL_WGT_N_STRIDE) +
                                 int64_t{ko} * SIGNED16(r, MATMUL_WGT_K1_STRIDE) +
                                 int64_t{ki} * SIGNED16(r, MATMUL_WGT_K0_STRIDE) +
                                 int64_t{c} * SIGNED16(r, MATMUL_WGT_COL_STRIDE);
            tile_[c] = &Use(wgt_, word, valid, weights, "weight");
          }
          for (uint32_t i = 0; i < m1 * m0; ++i) {
            const int64_t word = int64_t{FIELD(r, MATMUL_ACT)} + int64_t{ko} * SIGNED16(r, MATMUL_ACT_K1_STRIDE) +
                                 int64_t{ki} * SIGNED16(r, MATMUL_ACT_K0_STRIDE) +
                                 int64_t{i / m0} * SIGNED16(r, MATMUL_ACT_M1_STRIDE) +
                                 int64_t{i % m0} * SIGNED16(r, MATMUL_ACT_M0_STRIDE);
            const OperandWord &a = Use(act_, word, valid, activations, "activation");
            const int64_t row = int64_t{FIELD(r, MATMUL_ACC)} + int64_t{t} * SIGNED16(r, MATMUL_ACC_N_STRIDE) + i;
            Require(row >= 0 && row < static_cast<int64_t>(acc_usage_.size()), "MATMUL outside the accumulators, row", row);
            acc_usage_[static_cast<size_t>(row)].Access(Usage::MATMUL, true, sums, "accumulator computed while in use, row", row);
            for (uint32_t c = 0; c < cols_; ++c) {
              Sum &sum = sums_[static_cast<size_t>(row) * cols_ + c];
              if (c >= columns) {
                sum.state = Sum::NOTHING;
                continue;
              }
              const OperandWord &b = *tile_[c];
              Require(a.k == b.k, "different k met:", a.k, b.k);
              if (first && seed != SYSTOLE_SEED_KEEP) {
                Require(job.seed == 0 && (seed == SYSTOLE_SEED_BIAS) == (job.bias != 0), "wrong seed mode");
                if (seed == SYSTOLE_SEED_BIAS) {
                  const ParamColumn &column = params_[SYSTOLE_BANK_BIAS][size_t{param + t} * cols_ + c];
                  Require(column.job == static_cast<int>(job_) && column.n == b.row, "bias of another column");
                }
                sum = Sum{Sum::RUNNING, static_cast<int>(job_), a.row, b.row, 0};
              }
              if (per_column) {
                const ParamColumn &column = params_[SYSTOLE_BANK_B_ZERO_POINT][size_t{param + t} * cols_ + c];
                Require(column.job == static_cast<int>(job_) && column.n == b.row, "zero point of another column");
              }
              Require(sum.state != Sum::NOTHING && sum.job == static_cast<int>(job_), "sum without a seed");
              if (sum.state == Sum::SEEDED) Require(job.seed != 0, "seed nobody asked for");
              Require(sum.m == a.row && sum.n == b.row, "product added to another element's sum");
              Require(sum.k == a.k, "products missing or repeated: expected k, got", sum.k, a.k);
              sum.k += valid;
              sum.state = Sum::RUNNING;
            }
          }
        }
      }
    }
    Give(r, SYSTOLE_TOKEN_WGT_FREE, weights.end);
    Give(r, SYSTOLE_TOKEN_ACT_FREE, activations.end);
    Give(r, SYSTOLE_TOKEN_ACC_FULL, sums.end);
  }

  void UseParam(Usage::User user, uint32_t bank, uint32_t entry, const Interval &when) {
    Require(entry < param_usage_[bank].size(), "command outside a parameter bank, entry", entry);
    param_usage_[bank][entry].Access(user, false, when, "parameter used while being loaded, entry", entry);
  }

  const OperandWord &Use(std::vector<OperandWord> &buffer, int64_t word, uint32_t bytes, const Interval &when, const char *what) {
    Require(word >= 0 && word < static_cast<int64_t>(buffer.size()), what, word, -1);
    OperandWord &w = buffer[static_cast<size_t>(word)];
    w.usage.Access(Usage::MATMUL, false, when, "operand used while being loaded, word", word);
    Require(w.job == static_cast<int>(job_), "operand was never loaded, word", word);
    Require(w.bytes == bytes, "wrong number of valid bytes:", bytes, w.bytes);
    return w;
  }

  void CheckParam(uint32_t bank, size_t column, uint32_t n) const {
    const ParamColumn &found = params_[bank][column];
    Require(found.job == static_cast<int>(job_) && found.n == n, "requantisation parameters of another column: bank, column",
            bank, n);
  }

  // The epilogue's fields: legal, and what the job asks for.
  void CheckEpilogue(const Record &r) const {
    const systole_epilogue_t &wanted = jobs_[job_].epilogue;
    const uint32_t out = FIELD(r, STORE_OUT_DTYPE), requant = FIELD(r, STORE_REQUANT), scale = FIELD(r, STORE_SCALE);
    const uint32_t low = FIELD(r, STORE_CLAMP_MIN), high = FIELD(r, STORE_CLAMP_MAX);
    const auto shift = static_cast<int8_t>(FIELD(r, STORE_SHIFT));
    const bool per_column = FIELD(r, STORE_PER_COLUMN) != 0;
    Require(out == wanted.out_dtype, "type of the result:", out);
    Require(requant == wanted.requant, "rule:", requant);
    Require(FIELD(r, STORE_OUT_ZERO_POINT) == wanted.out_zero_point, "zero point of the result");
    Require(per_column == (wanted.scales != 0), "parameters per column or not");
    if (!IsInt8(out)) {
      Require(requant == SYSTOLE_REQUANT_NONE && !per_column && shift == 0 && scale == 0 && FIELD(r, STORE_PARAM) == 0 &&
                  FIELD(r, STORE_OUT_ZERO_POINT) == 0,
              "requantisation of a result that has none");
    } else if (per_column) {
      Require(scale == 0 && shift == 0, "parameters in the record and per column");
    } else {
      Require(FIELD(r, STORE_PARAM) == 0, "parameter entry without need");
      Require(scale == wanted.scale && shift == wanted.shift, "scale and shift:", scale, static_cast<int>(shift));
      if (requant == SYSTOLE_REQUANT_FLOAT) {
        Require(AsFloat(scale) > 0 && std::isfinite(AsFloat(scale)) && shift == 0, "scale not positive and finite");
      } else {
        Require(scale <= 0x7FFFFFFF && shift >= -31 && shift <= 30, "multiplier or shift out of range");
      }
    }
    if (out == SYSTOLE_DTYPE_S32) {
      Require(low == 0 && high == 0, "clamped sums");
    } else if (IsInt8(out)) {
      const int32_t type_low = out == SYSTOLE_DTYPE_S8 ? -128 : 0, type_high = out == SYSTOLE_DTYPE_S8 ? 127 : 255;
      const auto from = static_cast<int32_t>(low), to = static_cast<int32_t>(high);
      Require(type_low <= from && from <= to && to <= type_high, "bounds outside the type:", from, to);
      Require(from == (wanted.clamp ? static_cast<int32_t>(wanted.clamp_min) : type_low), "lower bound:", from);
      Require(to == (wanted.clamp ? static_cast<int32_t>(wanted.clamp_max) : type_high), "upper bound:", to);
    } else {
      Require(shape_.fp, "floating point on a machine without");
      Require(AsFloat(low) <= AsFloat(high), "bounds in the wrong order, or NaN");
      const float infinity = std::numeric_limits<float>::infinity();
      Require(low == (wanted.clamp ? wanted.clamp_min : AsBits(-infinity)), "lower bound:", low);
      Require(high == (wanted.clamp ? wanted.clamp_max : AsBits(infinity)), "upper bound:", high);
    }
  }

  void Store(const Record &r) {
    CheckReserved(r, SYSTOLE_STORE_RESERVED);
    CheckTokens(r, SYSTOLE_STORE_TAKES, SYSTOLE_STORE_GIVES);
    const systole_gemm_t &job = jobs_[job_];
    const uint32_t m0 = FIELD(r, STORE_M0), m1 = FIELD(r, STORE_M1), tiles = FIELD(r, STORE_N), n_tail = FIELD(r, STORE_N_TAIL);
    const uint64_t address = uint64_t{FIELD(r, STORE_ADDRESS_HI)} << 32 | FIELD(r, STORE_ADDRESS_LO);
    Require(m0 > 0 && m1 > 0 && tiles > 0 && n_tail >= 1 && n_tail <= cols_, "STORE field");
    CheckEpilogue(r);
    const bool per_column = FIELD(r, STORE_PER_COLUMN) != 0, fixed = FIELD(r, STORE_REQUANT) == SYSTOLE_REQUANT_FIXED;
    const uint32_t param = FIELD(r, STORE_PARAM), size = ElementBytes(FIELD(r, STORE_OUT_DTYPE));
    Interval when;
    when.begin = Begin(r, STORE_READ, 0xFF);
    when.end = time_.Add(STORE_READ, {});
    const Event done = time_.Add(STORE_END, when.end.clock);
    for (uint32_t t = 0; t < tiles && per_column; ++t) {
      UseParam(Usage::STORE, SYSTOLE_BANK_SCALE, param + t, when);
      if (fixed) UseParam(Usage::STORE, SYSTOLE_BANK_SHIFT, param + t, when);
    }
    for (uint32_t i = 0; i < m1 * m0; ++i) {
      const uint64_t line = address + static_cast<uint64_t>(int64_t{SIGNED32(r, STORE_PITCH1)} * (i / m0) +
                                                            int64_t{SIGNED32(r, STORE_PITCH0)} * (i % m0));
      for (uint32_t t = 0; t < tiles; ++t) {
        const int64_t row = int64_t{FIELD(r, STORE_ACC)} + int64_t{t} * SIGNED16(r, STORE_ACC_N_STRIDE) + i;
        Require(row >= 0 && row < static_cast<int64_t>(acc_usage_.size()), "STORE outside the accumulators");
        acc_usage_[static_cast<size_t>(row)].Access(Usage::STORE, false, when, "accumulator stored while in use, row", row);
        const uint32_t columns = t + 1 == tiles ? n_tail : cols_;
        for (uint32_t c = 0; c < columns; ++c) {
          const Sum &sum = sums_[static_cast<size_t>(row) * cols_ + c];
          Require(sum.state == Sum::RUNNING && sum.job == static_cast<int>(job_) &&
                      sum.k == uint64_t{job.k} * ElementBytes(job.a_dtype),
                  "unfinished sum stored");
          const uint64_t place =
              job.c + static_cast<uint64_t>((job.m > 1 ? job.c_pitch : 0) * int64_t{sum.m}) + uint64_t{sum.n} * size;
          Require(place == line + (uint64_t{t} * cols_ + c) * size, "result stored in another element's place");
          if (per_column) {
            const size_t column = size_t{param + t} * cols_ + c;
            CheckParam(SYSTOLE_BANK_SCALE, column, sum.n);
            if (fixed) CheckParam(SYSTOLE_BANK_SHIFT, column, sum.n);
          }
          auto stored = stored_[job_].begin() + static_cast<std::ptrdiff_t>(size_t{sum.m} * job.n + sum.n);
          Require(!*stored, "result stored twice");
          *stored = true;
          --left_;
        }
      }
    }
    Give(r, SYSTOLE_TOKEN_ACC_FREE, when.end);
    Give(r, SYSTOLE_TOKEN_MEM_DONE, done);
  }

  const Shape shape_;
  const std::vector<systole_gemm_t> &jobs_;
  const uint32_t cols_, word_, acc_rows_;
  std::vector<OperandWord> act_, wgt_;
  std::vector<Sum> sums_;
  std::vector<Usage> acc_usage_;
  std::array<std::vector<ParamColumn>, BANKS> params_;
  std::array<std::vector<Usage>, BANKS> param_usage_;
  std::array<const OperandWord *, 64> tile_{};
  std::vector<std::vector<bool>> stored_;
  size_t job_ = 0, left_ = 0;
  Time time_;
  Tokens tokens_;
};

}  // namespace

std::string CheckRecords(const Shape &shape, const std::vector<systole_gemm_t> &jobs, const std::vector<Record> &records,
                         bool interrupts_within) {
  try {
    Checker(shape, jobs).Run(records, interrupts_within);
  } catch (const Wrong &wrong) {
    return wrong.what();
  }
  return "";
}

}  // namespace systole::test
