// SPDX-License-Identifier: Apache-2.0
#include "sim/diagnose/locate.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "firmware/include/systole_regs.h"
#include "sim/golden/float.hpp"
#include "sim/golden/types.hpp"
#include "sim/model/machine.hpp"

namespace systole::diagnose {

namespace {

using platform::WaveValue;

const std::string kTop = "systole.", kAccumulators = kTop + "u_compute.u_accumulators.", kEpilogue = kTop + "u_store.u_epilogue.";

unsigned log2_up(std::uint64_t value) {
  unsigned log = 0;
  while ((std::uint64_t{1} << log) < value) ++log;
  return log;
}

std::string hex(std::uint64_t value, unsigned digits) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%0*llx", static_cast<int>(digits), static_cast<unsigned long long>(value));
  return text;
}

/// The numbers of the bits that are set: "5", "0 to 7", "3, 9, 12 and 5 more".
std::string bits_text(std::uint64_t mask) {
  std::vector<unsigned> bits;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((mask >> bit & 1) != 0) bits.push_back(bit);
  }
  if (bits.empty()) return "none";
  if (bits.size() > 2 && bits.back() - bits.front() + 1 == bits.size())
    return std::to_string(bits.front()) + " to " + std::to_string(bits.back());
  std::string text;
  for (std::size_t i = 0; i < bits.size() && i < 4; ++i) text += (i == 0 ? "" : ", ") + std::to_string(bits[i]);
  return bits.size() > 4 ? text + " and " + std::to_string(bits.size() - 4) + " more" : text;
}

std::string bit_or_bits(std::uint64_t mask) { return ((mask & (mask - 1)) == 0 ? "bit " : "bits ") + bits_text(mask); }

std::uint32_t get32(const std::uint8_t *from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

const char *buffer_name(unsigned dest, unsigned bank) {
  switch (dest) {
    case SYSTOLE_DEST_ACT: return "activation buffer";
    case SYSTOLE_DEST_WGT: return "weight buffer";
    case SYSTOLE_DEST_ACC: return "accumulators";
    default: break;
  }
  switch (bank) {
    case SYSTOLE_BANK_BIAS: return "bias bank";
    case SYSTOLE_BANK_B_ZERO_POINT: return "bank of B's zero points";
    case SYSTOLE_BANK_SCALE: return "bank of scales";
    default: return "bank of shifts";
  }
}

/// One access as the waves have it: `size` bytes in a pool.
struct Access {
  std::uint64_t cycle = 0;
  std::size_t data = 0;
};
struct Sum {
  std::uint64_t cycle = 0;
  std::uint32_t value = 0;
};

/// All accesses of the waves, by place, each place's in the order of time.
struct Accesses {
  std::vector<std::uint8_t> pool;
  std::unordered_map<std::uint64_t, std::vector<Access>> loads, reads;
  std::unordered_map<std::uint64_t, std::vector<Sum>> sums;
  std::unordered_map<std::uint64_t, std::vector<Sum>> bytes;       // written to memory, by address
  std::vector<std::uint8_t> results;                               // a stream of bytes
  std::vector<std::pair<std::size_t, std::uint64_t>> result_ends;  // bytes up to here came by this cycle
  std::uint64_t last = 0;

  std::size_t keep(const std::vector<std::uint8_t> &bytes) {
    pool.insert(pool.end(), bytes.begin(), bytes.end());
    return pool.size() - bytes.size();
  }
};

std::uint64_t load_key(unsigned dest, unsigned bank, std::size_t word, unsigned chunk) {
  return std::uint64_t{dest} << 40 | std::uint64_t{bank} << 36 | std::uint64_t{word} << 8 | chunk;
}
std::uint64_t place_key(std::size_t row, unsigned column) { return std::uint64_t{row} << 8 | column; }

std::size_t word_bytes(const platform::ConfigInfo &config, unsigned dest, unsigned bank) {
  if (dest == SYSTOLE_DEST_ACT || dest == SYSTOLE_DEST_WGT) return config.word_bytes();
  if (dest == SYSTOLE_DEST_PARAM && (bank == SYSTOLE_BANK_B_ZERO_POINT || bank == SYSTOLE_BANK_SHIFT)) return config.cols;
  return std::size_t{4} * config.cols;
}

Accesses read_accesses(const Run &run, platform::WaveReader &waves) {
  enum : std::size_t {
    kWrValid,
    kWrReady,
    kWrDest,
    kWrBank,
    kWrAddr,
    kWrChunk,
    kWrData,
    kRdValid,
    kRdReady,
    kRdAddr,
    kRdGroup,
    kRdData,
    kWrite,
    kSums,
    kAwValid,
    kAwReady,
    kAwAddr,
    kWValid,
    kWReady,
    kWData,
    kWStrb,
    kWLast,
    kOutValid,
    kOutReady,
    kOutData,
    kOutStrobes,
  };
  const std::vector<std::string> signals = {
      kTop + "wr_valid",        kTop + "wr_ready",          kTop + "wr_dest",          kTop + "wr_bank",
      kTop + "wr_addr",         kTop + "wr_chunk",          kTop + "wr_data",          kTop + "acc_rd_valid",
      kTop + "acc_rd_ready",    kTop + "acc_rd_addr",       kTop + "acc_rd_group",     kTop + "acc_rd_data",
      kAccumulators + "wr",     kAccumulators + "psum_i",   kTop + "m_axi_awvalid_o",  kTop + "m_axi_awready_i",
      kTop + "m_axi_awaddr_o",  kTop + "m_axi_wvalid_o",    kTop + "m_axi_wready_i",   kTop + "m_axi_wdata_o",
      kTop + "m_axi_wstrb_o",   kTop + "m_axi_wlast_o",     kEpilogue + "out_valid_o", kEpilogue + "in_ready_o",
      kEpilogue + "out_data_o", kEpilogue + "out_strobes_o"};

  const platform::ConfigInfo &config = run.config;
  const unsigned row_bits = log2_up(2 * config.acc_rows), write_bits = row_bits + 3;  // {last of command, last, row, address}
  const unsigned lanes = config.epilogue_lanes();
  const unsigned bus = config.axi_bytes();
  std::deque<std::uint64_t> bursts;  // addresses of those whose data is not complete, as far as it has come
  Accesses out;
  bool reading = false;
  bool answered = false;
  std::uint64_t read_key = 0, answer_key = 0;
  waves.read(signals, [&](std::uint64_t cycle, const std::vector<WaveValue> &v) {
    out.last = cycle;
    if (answered) out.reads[answer_key].push_back({cycle, out.keep(v[kRdData].bytes(0, 4 * lanes))});
    answered = reading;  // its data come in the next cycle
    answer_key = read_key;
    reading = v[kRdValid].bit(0) && v[kRdReady].bit(0);
    reading = reading && cycle >= run.begin;
    if (reading) read_key = place_key(v[kRdAddr].value(), static_cast<unsigned>(v[kRdGroup].value()));
    if (cycle < run.begin) return;
    // Data come after their address.
    if (v[kWValid].bit(0) && v[kWReady].bit(0) && !bursts.empty()) {
      for (unsigned lane = 0; lane < bus; ++lane) {
        if (v[kWStrb].bit(lane))
          out.bytes[bursts.front() + lane].push_back({cycle, static_cast<std::uint32_t>(v[kWData].field(8 * lane, 8))});
      }
      bursts.front() += bus;
      if (v[kWLast].bit(0)) bursts.pop_front();
    }
    if (v[kAwValid].bit(0) && v[kAwReady].bit(0)) bursts.push_back(v[kAwAddr].value() / bus * bus);
    if (v[kWrValid].bit(0) && v[kWrReady].bit(0)) {
      const auto dest = static_cast<unsigned>(v[kWrDest].value()), bank = static_cast<unsigned>(v[kWrBank].value());
      const std::size_t size = std::min<std::size_t>(config.word_bytes(), word_bytes(config, dest, bank));
      out.loads[load_key(dest, bank, v[kWrAddr].value(), static_cast<unsigned>(v[kWrChunk].value()))].push_back(
          {cycle, out.keep(v[kWrData].bytes(0, static_cast<unsigned>(size)))});
    }
    for (unsigned column = 0; column < config.cols; ++column) {
      if (!v[kWrite].bit(column * write_bits + row_bits)) continue;
      const std::uint64_t row = v[kWrite].field(column * write_bits, row_bits);
      out.sums[place_key(row, column)].push_back({cycle, static_cast<std::uint32_t>(v[kSums].field(32 * column, 32))});
    }
    if (v[kOutValid].bit(0) && v[kOutReady].bit(0)) {  // a result leaves when the pipeline advances
      unsigned count = 0;
      while (v[kOutStrobes].bit(count)) ++count;
      const std::vector<std::uint8_t> bytes = v[kOutData].bytes(0, count);
      out.results.insert(out.results.end(), bytes.begin(), bytes.end());
      out.result_ends.emplace_back(out.results.size(), cycle);
    }
  });
  return out;
}

/// Compares while the model executes.
class Comparison final : public model::Observer {
 public:
  Comparison(const Run &run, const Accesses &accesses) : config_(run.config), accesses_(accesses) {}

  Findings finish() {
    if (first_) first_->pattern = pattern(first_->port);
    return {first_, tallies_};
  }

  void loaded(const model::LoadedWord &seen) override {
    const std::size_t chunk_bytes = std::min<std::size_t>(config_.word_bytes(), seen.size);
    for (unsigned chunk = 0; chunk * chunk_bytes < seen.valid; ++chunk) {
      const std::uint64_t key = load_key(seen.dest, seen.bank, seen.word, chunk);
      const std::size_t valid = std::min(chunk_bytes, seen.valid - chunk * chunk_bytes);
      const std::uint8_t *const right = seen.bytes + chunk * chunk_bytes;
      const Access *const access = next(accesses_.loads, key, loads_);
      Tally &tally = tallies_[static_cast<unsigned>(Port::load)];
      ++tally.compared;
      const std::string place = "word " + std::to_string(seen.word) + " of the " + buffer_name(seen.dest, seen.bank);
      if (access == nullptr) {
        ++tally.wrong;
        Divergence at = missing(Port::load, seen.command);
        at.place = place;
        note(at);
        continue;
      }
      const std::uint8_t *const actual = accesses_.pool.data() + access->data;
      if (std::equal(right, right + valid, actual)) continue;
      ++tally.wrong;
      std::size_t byte = 0;
      while (right[byte] == actual[byte]) ++byte;
      for (std::size_t i = 0; i < valid; ++i) {
        if (right[i] == actual[i]) continue;
        load_bits_ |= static_cast<std::uint64_t>(right[i] ^ actual[i]);
        load_bytes_ |= std::uint64_t{1} << std::min<std::size_t>(i, 63);
      }
      Divergence at;
      at.port = Port::load;
      at.cycle = access->cycle;
      at.command = seen.command;
      at.place = place + ", byte " + std::to_string(chunk * chunk_bytes + byte);
      at.lane = static_cast<unsigned>(byte);
      set_values(at, golden::DType::u8, right[byte], actual[byte]);
      note(at);
    }
  }

  void accumulated(const model::AccumulatedRow &seen) override {
    Tally &tally = tallies_[static_cast<unsigned>(Port::accumulator)];
    for (unsigned column = 0; column < config_.cols; ++column) {
      const Sum *const access = next(accesses_.sums, place_key(seen.acc_row, column), sums_);
      if (column >= seen.columns) continue;  // written, but what is undefined
      ++tally.compared;
      const std::uint32_t right = seen.sums[column];
      if (access != nullptr && access->value == right) continue;
      ++tally.wrong;
      columns_[column] += 1;
      if (access != nullptr) sum_bits_ |= right ^ access->value;
      if (first_ && access != nullptr && !earlier(access->cycle, Port::accumulator)) continue;
      if (first_ && access == nullptr) continue;
      Divergence at = access == nullptr ? missing(Port::accumulator, seen.command) : Divergence{};
      at.port = Port::accumulator;
      at.command = seen.command;
      at.column = column;
      at.place = "row " + std::to_string(seen.acc_row % config_.acc_rows) + " of accumulator half " +
                 std::to_string(seen.acc_row / config_.acc_rows) + ", column " + std::to_string(column);
      at.tile = "tile n " + std::to_string(seen.n) + ", k1 " + std::to_string(seen.k1) + ", k0 " + std::to_string(seen.k0) +
                ", row " + std::to_string(seen.m);
      at.sum_type = sum_type(seen.a_dtype);
      if (access != nullptr) {
        at.cycle = access->cycle;
        at.sum = access->value;
        set_values(at, at.sum_type, right, access->value);
        at.stale = stale(seen, column, access->cycle);
      }
      at.partial_sums = partial_sums(seen, column);
      note(at);
    }
  }

  void stored(const model::StoredTile &seen) override {
    const unsigned lanes = config_.epilogue_lanes();
    for (unsigned column = 0; column < seen.columns; column += lanes) {
      const std::size_t count = std::min<std::size_t>(lanes, seen.columns - column);
      compare_read(seen, column, count);
    }
    compare_results(seen);
    compare_bytes(seen);
  }

 private:
  /// Sums are binary32 where operands and results are of floating point.
  static golden::DType sum_type(unsigned dtype) {
    return golden::is_float(static_cast<golden::DType>(dtype)) ? golden::DType::fp32 : golden::DType::s32;
  }

  static void set_values(Divergence &at, golden::DType type, std::uint32_t right, std::uint32_t actual) {
    at.expected = golden::value_text(type, right);
    at.actual = golden::value_text(type, actual);
    at.bits = bit_or_bits(right ^ actual);
  }

  template <class T>
  static const T *next(const std::unordered_map<std::uint64_t, std::vector<T>> &all, std::uint64_t key,
                       std::unordered_map<std::uint64_t, std::size_t> &counts) {
    const std::size_t index = counts[key]++;
    const auto found = all.find(key);
    return found == all.end() || index >= found->second.size() ? nullptr : &found->second[index];
  }

  Divergence missing(Port port, std::size_t command) const {
    Divergence out;
    out.port = port;
    out.command = command;
    out.missing = true;
    out.cycle = accesses_.last;
    return out;
  }

  /// In time; in the same cycle the port that data reach first.
  bool earlier(std::uint64_t cycle, Port port) const {
    return !first_ || cycle < first_->cycle || (cycle == first_->cycle && port < first_->port);
  }
  void note(const Divergence &at) {
    if (earlier(at.cycle, at.port)) first_ = at;
  }

  void compare_read(const model::StoredTile &seen, unsigned column, std::size_t count) {
    Tally &tally = tallies_[static_cast<unsigned>(Port::read)];
    ++tally.compared;
    const Access *const access = next(accesses_.reads, place_key(seen.acc_row, column / config_.epilogue_lanes()), reads_);
    const std::string place = "row " + std::to_string(seen.acc_row % config_.acc_rows) + " of accumulator half " +
                              std::to_string(seen.acc_row / config_.acc_rows);
    if (access == nullptr) {
      ++tally.wrong;
      Divergence at = missing(Port::read, seen.command);
      at.place = place;
      note(at);
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t right = get32(seen.sums + 4 * (column + i)),
                          actual = get32(accesses_.pool.data() + access->data + 4 * i);
      if (right == actual) continue;
      ++tally.wrong;
      Divergence at;
      at.port = Port::read;
      at.cycle = access->cycle;
      at.command = seen.command;
      at.place = place + ", column " + std::to_string(column + i);
      at.tile = "tile n " + std::to_string(seen.n) + ", row " + std::to_string(seen.m);
      at.lane = static_cast<unsigned>(i);
      at.column = column + at.lane;
      set_values(at, sum_type(seen.out_dtype), right, actual);
      note(at);
      return;
    }
  }

  void compare_results(const model::StoredTile &seen) {
    Tally &tally = tallies_[static_cast<unsigned>(Port::result)];
    for (unsigned column = 0; column < seen.columns; ++column, results_ += seen.result_bytes) {
      ++tally.compared;
      const std::uint8_t *const right = seen.results + column * seen.result_bytes;
      Divergence at;
      at.port = Port::result;
      at.command = seen.command;
      at.lane = column % config_.epilogue_lanes();
      at.place = "column " + std::to_string(column) + ", lane " + std::to_string(at.lane);
      at.tile = "tile n " + std::to_string(seen.n) + ", row " + std::to_string(seen.m);
      at.address = seen.address + column * seen.result_bytes;
      if (results_ + seen.result_bytes > accesses_.results.size()) {
        ++tally.wrong;
        at.missing = true;
        at.cycle = accesses_.last;
        note(at);
        continue;
      }
      const std::uint8_t *const actual = accesses_.results.data() + results_;
      if (std::equal(right, right + seen.result_bytes, actual)) continue;
      ++tally.wrong;
      std::uint32_t wanted = 0, got = 0;
      for (std::size_t i = seen.result_bytes; i-- > 0;) {
        wanted = wanted << 8 | right[i];
        got = got << 8 | actual[i];
      }
      result_bits_ |= wanted ^ got;
      lanes_[column % config_.epilogue_lanes()] += 1;
      const auto end = std::upper_bound(accesses_.result_ends.begin(), accesses_.result_ends.end(), results_,
                                        [](std::size_t value, const auto &item) { return value < item.first; });
      at.cycle = end->second;
      set_values(at, static_cast<golden::DType>(seen.out_dtype), wanted, got);
      note(at);
    }
  }

  void compare_bytes(const model::StoredTile &seen) {
    Tally &tally = tallies_[static_cast<unsigned>(Port::memory)];
    for (std::size_t i = 0; i < seen.columns * seen.result_bytes; ++i) {
      ++tally.compared;
      const std::uint32_t right = seen.results[i];
      const Sum *const access = next(accesses_.bytes, seen.address + i, bytes_);
      if (access != nullptr && access->value == right) continue;
      ++tally.wrong;
      Divergence at = access == nullptr ? missing(Port::memory, seen.command) : Divergence{};
      at.port = Port::memory;
      at.command = seen.command;
      at.lane = static_cast<unsigned>((seen.address + i) % config_.axi_bytes());
      at.place = "the byte at " + hex(seen.address + i, 10);
      at.tile = "tile n " + std::to_string(seen.n) + ", row " + std::to_string(seen.m) + ", column " +
                std::to_string(i / seen.result_bytes) + " of the tile";
      at.address = seen.address + i;
      if (access != nullptr) {
        byte_bits_ |= right ^ access->value;
        byte_lanes_ |= std::uint64_t{1} << at.lane;
        at.cycle = access->cycle;
        set_values(at, golden::DType::u8, right, access->value);
      }
      note(at);
    }
  }

  /// The cycle of a buffer word's last write that the model has seen, as the waves have it; none: it never came.
  std::optional<std::uint64_t> written(unsigned dest, std::int64_t word) const {
    const std::uint64_t key = load_key(dest, 0, static_cast<std::size_t>(word), 0);
    const auto count = loads_.find(key);
    if (count == loads_.end() || count->second == 0) return 0;  // of an earlier job
    const auto found = accesses_.loads.find(key);
    if (found == accesses_.loads.end() || found->second.size() < count->second) return std::nullopt;
    return found->second[count->second - 1].cycle;
  }

  /// A sum is written at least the array's depth and the way through its edge after the row was issued.
  std::string stale(const model::AccumulatedRow &seen, unsigned column, std::uint64_t cycle) const {
    const std::uint64_t way = std::uint64_t{config_.element_latency} * config_.rows + column + 3;
    const std::uint64_t issued = cycle > way ? cycle - way : 0;
    const auto late = [&](unsigned dest, std::int64_t word, const char *what) -> std::string {
      const std::optional<std::uint64_t> came = written(dest, word);
      if (came && *came < issued) return "";
      return std::string("the row entered the array about cycle ") + std::to_string(issued) + ", but " + what + " (word " +
             std::to_string(word) + " of the " + buffer_name(dest, 0) + ") was " +
             (came ? "written in cycle " + std::to_string(*came) : std::string("never written"));
    };
    std::string text = late(SYSTOLE_DEST_ACT, static_cast<std::int64_t>(seen.act_word), "its activation word");
    if (text.empty())
      text = late(SYSTOLE_DEST_WGT, seen.first_weight_word + static_cast<std::int64_t>(column) * seen.weight_word_stride,
                  "the column's weight word");
    return text;
  }

  std::vector<std::uint32_t> partial_sums(const model::AccumulatedRow &seen, unsigned column) const {
    const auto type = static_cast<golden::DType>(seen.a_dtype);
    const bool floating = golden::is_float(type);
    const std::size_t lane_elements = floating ? 1 : 2;
    std::vector<std::uint32_t> out = {seen.seeds[column]};
    std::uint32_t sum = seen.seeds[column];
    for (std::size_t row = 0; row < config_.rows; ++row) {
      for (std::size_t x = row * lane_elements; x < (row + 1) * lane_elements && x < seen.depth; ++x) {
        const std::int32_t weight = seen.weights[x * config_.cols + column];
        if (floating) {
          const auto a = static_cast<std::uint16_t>(seen.activations[2 * x] | seen.activations[2 * x + 1] << 8);
          sum = golden::multiply_add(type, sum, a, static_cast<std::uint16_t>(weight));
        } else {
          const std::uint8_t byte = seen.activations[x];
          const std::int32_t a =
              (type == golden::DType::s8 ? static_cast<std::int8_t>(byte) : std::int32_t{byte}) - seen.a_zero_point;
          sum += static_cast<std::uint32_t>(a * weight);
        }
      }
      out.push_back(sum);
    }
    return out;
  }

  static std::string among(const std::map<unsigned, std::uint64_t> &counts, const char *noun) {
    if (counts.empty()) return "";
    if (counts.size() == 1) return std::string("all in ") + noun + " " + std::to_string(counts.begin()->first);
    return "in " + std::to_string(counts.size()) + " " + noun + "s";
  }

  std::string pattern(Port port) const {
    switch (port) {
      case Port::load:
        if (load_bits_ == 0) return "";
        return bit_or_bits(load_bits_) + " of " + ((load_bytes_ & (load_bytes_ - 1)) == 0 ? "byte " : "bytes ") +
               bits_text(load_bytes_) + " of the written chunk";
      case Port::accumulator: return among(columns_, "column") + (sum_bits_ == 0 ? "" : ", " + bit_or_bits(sum_bits_));
      case Port::result: return among(lanes_, "lane") + (result_bits_ == 0 ? "" : ", " + bit_or_bits(result_bits_));
      case Port::memory:
        if (byte_bits_ == 0) return "";
        return bit_or_bits(byte_bits_) + " of " + ((byte_lanes_ & (byte_lanes_ - 1)) == 0 ? "byte " : "bytes ") +
               bits_text(byte_lanes_) + " of the beat";
      default: return "";
    }
  }

  const platform::ConfigInfo &config_;
  const Accesses &accesses_;
  std::unordered_map<std::uint64_t, std::size_t> loads_, sums_, reads_, bytes_;  // how often the model came to a place
  std::size_t results_ = 0;                                                      // bytes
  std::array<Tally, kPorts> tallies_{};
  std::uint64_t load_bits_ = 0, load_bytes_ = 0, sum_bits_ = 0, result_bits_ = 0, byte_bits_ = 0, byte_lanes_ = 0;
  std::map<unsigned, std::uint64_t> columns_, lanes_;
  std::optional<Divergence> first_;
};

}  // namespace

std::vector<std::string> located_scopes() {
  std::vector<std::string> out = {kTop, kAccumulators, kEpilogue};
  for (std::string &scope : out) scope.pop_back();
  return out;
}

Findings locate(const Run &run, platform::WaveReader &waves) {
  const Accesses accesses = read_accesses(run, waves);
  std::vector<std::uint8_t> memory = run.memory;
  const auto inside = [&](std::uint64_t address, std::size_t size) {
    return address >= run.memory_base && address - run.memory_base <= memory.size() &&
           size <= memory.size() - (address - run.memory_base);
  };
  model::MemoryPort port;
  port.read = [&](std::uint64_t address, std::uint8_t *data, std::size_t size) {
    if (!inside(address, size)) return false;
    std::memcpy(data, memory.data() + (address - run.memory_base), size);
    return true;
  };
  port.write = [&](std::uint64_t address, const std::uint8_t *data, std::size_t size) {
    if (!inside(address, size)) return false;
    std::memcpy(memory.data() + (address - run.memory_base), data, size);
    return true;
  };
  model::Machine machine(run.config, port);
  Comparison comparison(run, accesses);
  if (const auto fault = machine.execute_all(run.records, comparison))
    throw std::invalid_argument("the model refuses a record with error code " + std::to_string(fault->code));
  return comparison.finish();
}

Element find_element(const platform::ConfigInfo &config, const Divergence &divergence, platform::WaveReader &waves) {
  Element out;
  if (divergence.port != Port::accumulator || divergence.missing || divergence.partial_sums.size() != config.rows + 1) return out;
  std::vector<std::string> signals;
  for (unsigned row = 0; row < config.rows; ++row) {
    signals.push_back(kTop + "u_compute.u_array.gen_float.gen_row[" + std::to_string(row) + "].u_row.psum_i");
    if (!waves.has(signals.back())) return out;
  }
  // The sum that is written in cycle t enters row r L cycles a row earlier.
  std::optional<unsigned> wrong;
  waves.read(signals, [&](std::uint64_t cycle, const std::vector<WaveValue> &values) {
    for (unsigned row = 0; row < config.rows; ++row) {
      if (cycle + std::uint64_t{config.element_latency} * (config.rows - row) != divergence.cycle) continue;
      const auto actual = static_cast<std::uint32_t>(values[row].field(32 * divergence.column, 32));
      if (actual == divergence.partial_sums[row] || (wrong && *wrong <= row)) continue;
      wrong = row;
      out.expected = divergence.partial_sums[row];
      out.actual = actual;
      out.cycle = cycle;
    }
  });
  out.known = true;
  if (!wrong) {
    out.row = config.rows - 1;  // right at every border: the last row's sum is wrong
    out.expected = divergence.partial_sums.back();
    out.actual = divergence.sum;
    out.cycle = divergence.cycle;
  } else if (*wrong == 0) {
    out.seed_wrong = true;
  } else {
    out.row = *wrong - 1;
  }
  return out;
}

}  // namespace systole::diagnose
