// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/gtkw.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "firmware/include/systole_regs.h"
#include "gtkwave/fstapi.h"
#include "sim/golden/types.hpp"
#include "sim/platform/command_text.hpp"
#include "sim/platform/errors.hpp"
#include "sim/platform/gtkw_text.hpp"
#include "sim/platform/gtkw_view.hpp"
#include "sim/platform/rtl.hpp"

namespace systole::platform {
namespace {

/// What the lanes, sums and results of a job hold, as the wave filter calls it.
struct Types {
  std::string a = "int8", b = "int8", sum = "int32", edge_a = "edge-int8", edge_b = "edge-int8", out = "int32";
};

/// Those of the first MATMUL and STORE among the records.
Types types_of(const WaveNotes &notes, size_t first) {
  Types types;
  bool matmul = false, store = false;
  const auto name = [](uint32_t type) { return std::string(golden::name(static_cast<golden::DType>(std::min(type, 5u)))); };
  for (size_t i = first; i < notes.commands.size(); ++i) {
    const timing::Record &record = notes.commands[i].record;
    const uint32_t opcode = SYSTOLE_FIELD(record, CMD_OPCODE);
    if (opcode == SYSTOLE_OPCODE_MATMUL && !std::exchange(matmul, true)) {
      types.a = name(SYSTOLE_FIELD(record, MATMUL_A_DTYPE));
      types.b = name(SYSTOLE_FIELD(record, MATMUL_B_DTYPE));
      if (types.a == "fp16" || types.a == "bf16") {
        types.sum = "fp32";
        types.edge_a = "edge-act";
        types.edge_b = "edge-wgt";
      }
    }
    if (opcode == SYSTOLE_OPCODE_STORE && !std::exchange(store, true)) types.out = name(SYSTOLE_FIELD(record, STORE_OUT_DTYPE));
  }
  return types;
}

/// Writes the groups; paths are below the top.
class Groups {
 public:
  /// `suspect`: the command with which data first went wrong; null: there is none. `cause_shown`: the waves hold what caused it.
  Groups(View &view, const WaveNotes &notes, const Types &types, const WaveNotes::Command *suspect, bool cause_shown)
      : view_(view), notes_(notes), types_(types), suspect_(suspect), cause_shown_(cause_shown) {}

  void write() {
    view_.plain("clk_i", {"clk_i"});
    const bool engines = view_.width("u_compute.act_edge") != 0;  // a test's device may have the pins alone
    if (engines && notes_.first_wrong) first_wrong(*notes_.first_wrong);
    registers();
    if (engines) control();
    memory_read();
    if (engines) {
      load();
      compute();
      store();
    }
    memory_write();
    view_.begin("interrupt", false);
    view_.plain("irq_o", {"irq_o"});
    view_.end();
  }

 private:
  static constexpr unsigned OPEN_LANES = 2;
  static constexpr unsigned NEAR_ROWS = 8;

  const std::string array_ = "u_compute.u_array", accumulators_ = "u_compute.u_accumulators";
  unsigned lane_count() { return std::max(view_.width("u_compute.act_lanes") / 16, 1u); }
  unsigned edge_bits() { return view_.width("u_compute.act_edge") / lane_count(); }
  bool floating() { return edge_bits() == 32; }

  /// What is first wrong, in words, and the traces that show it.
  void first_wrong(const FirstWrong &at) {
    view_.begin("first wrong", false);
    view_.comment(at.place);
    if (suspect_ != nullptr) view_.comment('#' + std::to_string(suspect_->index) + ' ' + command_name(suspect_->record));
    view_.comment("marker C: cycle " + std::to_string(at.cycle));
    if (!at.expected.empty()) {
      view_.comment("expected " + at.expected);
      view_.comment("actual " + at.actual);
      if (!at.bits.empty()) view_.comment("wrong: " + at.bits);
    } else if (at.port != "error") {
      view_.comment("it never came");
    }
    if (at.stale)
      view_.comment(at.token.empty() ? "its operands came after the row" : at.token + (cause_shown_ ? ", marker D" : ""));
    if (at.row) {
      view_.comment("element [" + std::to_string(*at.row) + "][" + std::to_string(*at.column) + "], marker D: cycle " +
                    std::to_string(at.cause_cycle));
      view_.comment("its sum expected " + at.sum_expected);
      view_.comment("its sum actual " + at.sum_actual);
    }
    if (at.port == "load") wrong_load(at.lane);
    if (at.port == "accumulator") wrong_sum(at);
    if (at.port == "read") wrong_read(at.lane, *at.column);
    if (at.port == "result") wrong_result(at.lane);
    if (at.port == "memory") wrong_byte(at.lane);
    if (at.port == "token" || at.port == "error") stopped();
    if (at.stale) token_traces();
    view_.end();
  }

  void wrong_load(unsigned byte) {
    const uint32_t dest = suspect_ == nullptr ? SYSTOLE_DEST_ACT : SYSTOLE_FIELD(suspect_->record, LOAD_DEST);
    const unsigned width = dest == SYSTOLE_DEST_ACC ? 32 : 16, lane = byte * 8 / width;
    command("writes data", {"u_load.u_read.active_q"}, {"u_load.u_read.idx_q"});
    write_target();
    view_.decimal("chunk", {"wr_chunk"});
    view_.plain("data byte " + std::to_string(byte), {"wr_data", 8 * byte + 7, 8 * byte});
    const std::string &type = dest == SYSTOLE_DEST_ACC ? types_.sum : dest == SYSTOLE_DEST_WGT ? types_.b : types_.a;
    if (dest != SYSTOLE_DEST_PARAM)  // these are of several types
      view_.decode("data lane " + std::to_string(lane), type, {{"wr_data", width * lane + width - 1, width * lane}});
    view_.plain("rvalid_i", {"m_axi_rvalid_i"});
    view_.plain("rdata_i", {"m_axi_rdata_i"});
  }

  /// The sums of a column from row to row, around the element if it is known.
  void wrong_sum(const FirstWrong &at) {
    const unsigned column = at.column.value_or(0), low = 32 * column, high = low + 31;
    const std::string name = ", column " + std::to_string(column);
    command("streams rows", {"u_compute.u_act_seq.row_o"}, {"u_compute.u_act_seq.idx_r"});
    row_place();
    if (at.stale) {
      command("writes data", {"u_load.u_read.active_q"}, {"u_load.u_read.idx_q"});
      write_target();
    }
    if (floating()) {
      const unsigned rows = lane_count(), element = at.row.value_or(0), shown = std::min(rows, NEAR_ROWS);
      const unsigned first = std::min(element - std::min(element, NEAR_ROWS / 2), rows - shown);
      if (at.row) operands(element, column);
      for (unsigned row = first; row < first + shown; ++row) {
        const std::string r = std::to_string(row), scope = array_ + ".gen_float.gen_row[" + r + "].u_row";
        view_.decode("row " + r + " sum in" + name, types_.sum, {{scope + ".psum_i", high, low}});
        view_.decode("row " + r + " sum out" + name, types_.sum, {{scope + ".psum_o", high, low}});
      }
    } else {  // its rows are one block
      view_.decode("array sum in" + name, types_.sum, {{array_ + ".psum_i", high, low}});
      view_.decode("array sum out" + name, types_.sum, {{array_ + ".psum_o", high, low}});
    }
    accumulator(column);
  }

  /// What an element multiplies; only rows with floating point are known.
  void operands(unsigned row, unsigned column) {
    const std::string r = std::to_string(row), c = '[' + std::to_string(column) + ']', place = '[' + r + ']' + c;
    const std::string element = array_ + ".gen_float.gen_row[" + r + "].u_row.row.";
    view_.decode("A lane " + r, types_.a, {{"u_compute.act_lanes", 16 * row + 15, 16 * row}});
    view_.decode("A in element " + place, types_.edge_a, {{element + "act" + c}});
    view_.decode("weight of " + place, types_.edge_b, {{element + "weight" + c}});
  }

  void wrong_read(unsigned lane, unsigned column) {
    command("reads sums", {"u_store.u_walk.active_q"}, {"u_store.u_walk.idx_q"});
    view_.plain("read valid", {"acc_rd_valid"});
    view_.plain("read ready", {"acc_rd_ready"});
    view_.decimal("read row", {"acc_rd_addr"});
    view_.decimal("read group", {"acc_rd_group"});
    view_.decode("memory of column " + std::to_string(column), types_.sum,
                 {{accumulators_ + ".gen_col[" + std::to_string(column) + "].word_q"}});
    view_.decode("read data, lane " + std::to_string(lane), types_.sum, {{"acc_rd_data", 32 * lane + 31, 32 * lane}});
    accumulator(column);
  }

  void wrong_result(unsigned lane) {
    const std::string label = ", lane " + std::to_string(lane);
    const unsigned width = result_bits();
    command("epilogue", {"u_store.u_epilogue.in_valid_i"}, {"u_store.u_epilogue.in_idx_i"});
    view_.decode("epilogue in" + label, types_.sum, {{"u_store.group_data", 32 * lane + 31, 32 * lane}});
    view_.plain("result valid", {"u_store.out_valid"});
    view_.decode("result" + label, result_type(), {{"u_store.out_data", width * lane + width - 1, width * lane}});
  }

  void wrong_byte(unsigned byte) {
    const std::string at = std::to_string(byte);
    const unsigned width = result_bits(), lane = 8 * byte / width;
    command("burst of", {"m_axi_awvalid_o"}, {"u_store.burst_idx"});
    view_.plain("awaddr_o", {"m_axi_awaddr_o"});
    view_.plain("result valid", {"u_store.out_valid"});
    view_.plain("results", {"u_store.out_data"});
    view_.plain("wvalid_o", {"m_axi_wvalid_o"});
    view_.plain("wready_i", {"m_axi_wready_i"});
    view_.plain("wdata_o byte " + at, {"m_axi_wdata_o", 8 * byte + 7, 8 * byte});
    view_.plain("wstrb_o of it", {"m_axi_wstrb_o", byte, byte});
    // A result at any other address lies across lanes.
    if (suspect_ != nullptr && SYSTOLE_FIELD(suspect_->record, STORE_ADDRESS_LO) % (width / 8) == 0)
      view_.decode("wdata_o lane " + std::to_string(lane), result_type(),
                   {{"m_axi_wdata_o", width * lane + width - 1, width * lane}});
    view_.plain("wlast_o", {"m_axi_wlast_o"});
    command("waits for B", {"u_store.u_answers.b_ready_o"}, {"u_store.u_answers.idx"});
  }

  void token_traces() {
    tokens("tokens there", {"u_control.u_tokens.avail_o"});
    for (const char *engine : {"load", "compute", "store"}) {
      const std::string name = engine, scope = "u_" + name;
      command(name + "'s first", {scope + ".cmd_valid_i"}, {scope + ".idx_i"});
      tokens(name + " takes", {scope + ".take_o"});
      tokens(name + " gives", {scope + ".give_o"});
    }
  }

  /// An error, or a token that came too early: who was at what.
  void stopped() {
    token_traces();
    command("writes data", {"u_load.u_read.active_q"}, {"u_load.u_read.idx_q"});
    command("streams rows", {"u_compute.u_act_seq.row_o"}, {"u_compute.u_act_seq.idx_r"});
    command("epilogue", {"u_store.u_epilogue.in_valid_i"}, {"u_store.u_epilogue.in_idx_i"});
    faults();
    view_.states("u_control.u_faults");
  }

  /// The top's pins that begin so.
  void pins(const std::vector<std::string> &prefixes) {
    view_.all("", [&prefixes](const std::string &name) {
      return std::any_of(prefixes.begin(), prefixes.end(),
                         [&name](const std::string &p) { return name.compare(0, p.size(), p) == 0; });
    });
  }

  void registers() {
    text::Names names;
    for (const auto &[offset, name] : text::registers()) {
      names.emplace_back(offset, "-");
      names.emplace_back(0x1000 | offset, name);
    }
    view_.begin("registers", false);
    view_.text("write to", "registers", names, {{"s_axil_awvalid_i"}, {"s_axil_awaddr_i"}});
    view_.plain("WDATA", {"s_axil_wdata_i"});
    view_.text("read from", "registers", names, {{"s_axil_arvalid_i"}, {"s_axil_araddr_i"}});
    view_.plain("RDATA", {"s_axil_rdata_o"});
    view_.begin("pins", true);
    pins({"s_axil_"});
    view_.end();
    view_.end();
  }

  /// The command that an engine's part is at: "-" while `valid` is 0.
  void command(const std::string &label, const Bits &valid, const Bits &index) {
    if (commands_.empty()) {
      std::set<uint32_t> known;
      for (const WaveNotes::Command &item : notes_.commands)
        if (known.insert(item.index).second) commands_.emplace_back(item.index, describe_command(item.index, item.record));
      // The one that dispatch would take next; it is never valid.
      const uint32_t next = notes_.commands.empty() ? 0 : notes_.commands.back().index + 1;
      if (known.count(next) == 0) commands_.emplace_back(next, "#" + std::to_string(next));
    }
    view_.valid_text(label, "commands", commands_, valid, index);
  }

  void tokens(const std::string &label, const Bits &bits) { view_.text(label, "tokens", text::token_sets(), {bits}); }

  void control() {
    view_.begin("control", false);
    view_.decimal("tail (doorbell)", {"u_control.tail"});
    view_.decimal("head (complete)", {"u_control.head"});
    view_.decimal("next to fetch", {"u_control.u_fetch.next_q"});
    command("dispatch", {"u_control.u_dispatch.valid_q"}, {"u_control.u_dispatch.index_q"});
    tokens("tokens there", {"u_control.u_tokens.avail_o"});
    tokens("tokens taken", {"u_control.u_tokens.take_i"});
    tokens("tokens given", {"u_control.u_tokens.give_i"});
    const std::vector<std::string> names = text::tokens();
    view_.begin("tokens by name", true);
    for (unsigned t = 0; t < names.size(); ++t) view_.plain(names[t], {"u_control.u_tokens.avail_o", t, t});
    for (unsigned t = 0; t < names.size(); ++t)
      view_.decimal(names[t] + " count", {"u_control.u_tokens.count_q", 4 * t + 3, 4 * t});
    view_.end();
    view_.begin("faults", true);
    faults();
    view_.states("u_control");
    view_.end();
    blocks("u_control");
    view_.end();
  }

  void faults() {
    view_.plain("stop_o", {"u_control.u_faults.stop_o"});
    view_.text("error", "errors", text::errors(), {{"u_control.u_faults.code_o"}});
    view_.decimal("error index", {"u_control.u_faults.index_o"});
    view_.plain("error address", {"u_control.u_faults.addr_o"});
  }

  /// Closed groups with the ports of an engine's blocks.
  void blocks(const std::string &instance) {
    view_.begin("ports", true);
    view_.ports(instance);
    for (const std::string &block : view_.instances(instance)) {
      view_.begin(block.substr(block.rfind('.') + 1), true);
      view_.ports(block);
      view_.end();
    }
    view_.end();
  }

  /// A vector in lanes of `width` bits of which `used` count, by their type; the first few open, all others in a closed group.
  void lanes(const std::string &label, const std::string &path, unsigned width, unsigned used, const std::string &type) {
    lanes(label, path, width, used, view_.width(path) / width, type);
  }
  void lanes(const std::string &label, const std::string &path, unsigned width, unsigned used, unsigned count,
             const std::string &type) {
    if (count == 0) count = view_.width(path) / width;
    const auto lane = [&](unsigned i) {
      view_.decode(label + " " + std::to_string(i), type, {{path, i * width + used - 1, i * width}});
    };
    for (unsigned i = 0; i < std::min(count, OPEN_LANES); ++i) lane(i);
    if (count <= OPEN_LANES) return;
    const std::string title = label + " " + std::to_string(OPEN_LANES) + " to " + std::to_string(count - 1);
    view_.begin(title, true);
    for (unsigned i = OPEN_LANES; i < count; ++i) lane(i);
    view_.end();
  }

  void closed_lanes(const std::string &title, const std::string &label, const std::string &path, unsigned width, unsigned used,
                    const std::string &type) {
    view_.begin(title, true);
    lanes(label, path, width, used, type);
    view_.end();
  }

  void memory_read() {
    view_.begin("memory read", false);
    for (const char *name : {"arvalid_o", "araddr_o", "rvalid_i", "rdata_i"}) view_.plain(name, {std::string("m_axi_") + name});
    view_.begin("pins, owner of data", true);
    pins({"m_axi_ar", "m_axi_r"});
    view_.plain("data for fetch", {"u_read_mux.fetch_q"});
    view_.plain("data for load", {"u_read_mux.load_q"});
    view_.decimal("bursts", {"u_read_mux.count_q"});
    view_.end();
    view_.end();
  }

  /// Where load writes.
  void write_target() {
    text::Names targets;
    for (const auto &[dest, name] : text::destinations())
      for (const auto &[bank, bank_name] : text::banks())
        targets.emplace_back(dest << 4 | bank, dest == SYSTOLE_DEST_PARAM ? bank_name : name);
    view_.valid_text("write to", "destinations", targets, {"wr_valid"}, {"wr_dest"}, Bits{"wr_bank"});
    view_.decimal("word", {"wr_addr"});
  }

  void load() {
    view_.begin("load", false);
    command("queue's first", {"u_load.cmd_valid_i"}, {"u_load.idx_i"});
    command("asks for data", {"u_load.hold_valid_q"}, {"u_load.hold_idx_q"});
    command("writes data", {"u_load.u_read.active_q"}, {"u_load.u_read.idx_q"});
    tokens("takes", {"u_load.take_o"});
    tokens("gives", {"u_load.give_o"});
    write_target();
    lanes("data", "wr_data", 16, 16, types_.a);
    closed_lanes("data as sums", "word", "wr_data", 32, 32, types_.sum);
    view_.plain("write valid", {"wr_valid"});
    view_.plain("write ready", {"wr_ready"});
    view_.states("u_load");
    blocks("u_load");
    view_.end();
  }

  /// Where a sequencer is, as the wave filter's types `rows` and `weights` want it: `first` says whether, `last` is its place in the tile.
  void place(const std::string &label, const std::string &type, const std::string &scope, std::vector<Bits> first,
             const std::vector<Bits> &last) {
    std::vector<Bits> bits = std::move(first);
    bits.insert(bits.end(), {{scope + ".valid_q"}, {scope + ".idx_r"}, {scope + ".idx_q"}});
    for (const unsigned level : {2u, 1u, 0u}) bits.push_back({scope + ".u_loop.gen_level[" + std::to_string(level) + "].left_q"});
    bits.insert(bits.end(), last.begin(), last.end());
    std::string table;
    for (const WaveNotes::Command &item : notes_.commands) {
      const timing::Record &record = item.record;
      if (SYSTOLE_FIELD(record, CMD_OPCODE) != SYSTOLE_OPCODE_MATMUL) continue;
      const uint32_t order = SYSTOLE_FIELD(record, MATMUL_ORDER), n = SYSTOLE_FIELD(record, MATMUL_N),
                     k0 = SYSTOLE_FIELD(record, MATMUL_K0), k1 = SYSTOLE_FIELD(record, MATMUL_K1);
      const bool k_inner = order == SYSTOLE_ORDER_K_INNER;
      for (const uint32_t word : {item.index, order, k_inner ? k0 : n, k_inner ? k1 : k0, k_inner ? n : k1,
                                  SYSTOLE_FIELD(record, MATMUL_M0), SYSTOLE_FIELD(record, MATMUL_M1)})
        table += std::to_string(word) + " ";
      table.back() = '\n';
    }
    view_.decode(label, type + " " + view_.write_names("loops", table), bits);
  }

  void row_place() {
    const std::string rows = "u_compute.u_act_seq";
    place("tile, row", "rows", rows, {{rows + ".row_o"}, {rows + ".tile_start_o"}},
          {{rows + ".i1_r"}, {rows + ".i0_r"}, {rows + ".acc_r"}});
  }

  /// What a column's accumulators take from the array.
  void accumulator(unsigned column) {
    const std::string name = "acc " + std::to_string(column), scope = accumulators_ + ".gen_col[" + std::to_string(column) + "]";
    view_.plain(name + " written", {scope + ".write"});
    view_.decimal(name + " row", {scope + ".wr_row"});
    view_.decode(name + " sum", types_.sum, {{accumulators_ + ".psum_i", 32 * column + 31, 32 * column}});
    view_.decode(name + " seed", types_.sum, {{scope + ".seed_q"}});
  }

  void compute() {
    const std::string weights = "u_compute.u_weight_seq", rows = "u_compute.u_act_seq";
    view_.begin("compute", false);
    command("queue's first", {"u_compute.cmd_valid_i"}, {"u_compute.idx_i"});
    command("pushes weights", {weights + ".push_o"}, {weights + ".idx_r"});
    place("tile, column", "weights " + std::to_string(view_.width(weights + ".column_r")), weights, {{weights + ".push_o"}},
          {{weights + ".column_r"}});
    command("streams rows", {rows + ".row_o"}, {rows + ".idx_r"});
    row_place();
    view_.text("why no row", "causes", text::causes(), {{rows + ".cause_o"}});
    tokens("takes", {"u_compute.take_o"});
    tokens("gives", {"u_compute.give_o"});
    lanes("A lane", "u_compute.act_lanes", 16, 16, types_.a);
    lanes("B lane", "u_compute.wgt_lanes", 16, 16, types_.b);
    const bool fp = floating();
    const unsigned edge = edge_bits();
    closed_lanes("A at the array", "A", array_ + ".act_i", edge, fp ? 24 : edge, fp ? types_.edge_a : "edge18");
    closed_lanes("B at the array", "B", array_ + ".wgt_i", edge, fp ? 24 : edge, fp ? types_.edge_b : "edge18");
    view_.plain("weights switch", {array_ + ".switch_i"});
    lanes("sum in, column", array_ + ".psum_i", 32, 32, types_.sum);
    lanes("sum out, column", array_ + ".psum_o", 32, 32, types_.sum);
    if (fp) {
      view_.begin("sums down column 0", true);
      for (unsigned r = 0; r < lane_count(); ++r) {
        const std::string row = std::to_string(r);
        view_.decode("below row " + row, types_.sum, {{array_ + ".gen_float.gen_row[" + row + "].u_row.psum_o", 31, 0}});
      }
      view_.end();
    }
    const unsigned columns = view_.width(array_ + ".psum_i") / 32;
    for (unsigned c = 0; c < columns; ++c) {
      if (c == 1) view_.begin("acc 1 to " + std::to_string(columns - 1), true);
      accumulator(c);
    }
    view_.end();
    view_.states("u_compute");
    blocks("u_compute");
    view_.end();
  }

  unsigned result_bits() const {
    const std::string &out = types_.out;
    return out == "int8" || out == "uint8" ? 8 : out == "fp16" || out == "bf16" ? 16 : 32;
  }
  std::string result_type() const { return types_.out == "int8" ? "s8" : types_.out == "uint8" ? "u8" : types_.out; }

  /// Packed results, of so many lanes (0: as many as there is room for).
  void results(const std::string &label, const std::string &path, unsigned count) {
    lanes(label, path, result_bits(), result_bits(), count, result_type());
  }

  void store() {
    view_.begin("store", false);
    command("queue's first", {"u_store.cmd_valid_i"}, {"u_store.idx_i"});
    const unsigned top = view_.width("u_store.fields_q");
    if (top > 32) command("asks to write", {"u_store.hold_valid_q"}, {"u_store.fields_q", top - 1, top - 32});
    command("reads sums", {"u_store.u_walk.active_q"}, {"u_store.u_walk.idx_q"});
    command("epilogue", {"u_store.u_epilogue.in_valid_i"}, {"u_store.u_epilogue.in_idx_i"});
    command("waits for B", {"u_store.u_answers.b_ready_o"}, {"u_store.u_answers.idx"});
    tokens("takes", {"u_store.take_o"});
    tokens("gives", {"u_store.give_o"});
    view_.plain("read valid", {"acc_rd_valid"});
    view_.decimal("read row", {"acc_rd_addr"});
    lanes("epilogue in", "u_store.group_data", 32, 32, types_.sum);
    view_.plain("result valid", {"u_store.out_valid"});
    results("result", "u_store.out_data", view_.width("u_store.out_data") / 32);
    view_.states("u_store");
    blocks("u_store");
    view_.end();
  }

  void memory_write() {
    view_.begin("memory write", false);
    command("burst of", {"m_axi_awvalid_o"}, {"u_store.burst_idx"});
    for (const char *name : {"awaddr_o", "wvalid_o"}) view_.plain(name, {std::string("m_axi_") + name});
    results("wdata_o", "m_axi_wdata_o", 0);
    view_.plain("bvalid_i", {"m_axi_bvalid_i"});
    view_.begin("pins", true);
    pins({"m_axi_aw", "m_axi_w", "m_axi_b"});
    view_.end();
    view_.end();
  }

  View &view_;
  const WaveNotes &notes_;
  const Types &types_;
  const WaveNotes::Command *suspect_;
  const bool cause_shown_;
  text::Names commands_;
};

}  // namespace

void check_fst(const std::string &fst_file) {
  std::ifstream in(fst_file, std::ios::binary | std::ios::ate);
  const auto size = in ? static_cast<uint64_t>(in.tellg()) : 0;
  // A block is a byte that says what it is, eight with the length of what follows the first, and the rest.
  uint64_t at = 0;
  while (in && at + 9 <= size) {
    unsigned char head[9] = {};
    in.seekg(static_cast<std::streamoff>(at));
    in.read(reinterpret_cast<char *>(head), sizeof head);
    uint64_t length = 0;
    for (unsigned i = 1; i < sizeof head; ++i) length = length << 8 | head[i];
    if (head[0] == FST_BL_SKIP || length < 8 || length >= size - at) break;
    at += 1 + length;
  }
  if (!in || size == 0 || at != size)
    throw OutputError("cannot write " + fst_file + ": the waves are not whole (is the disk full?)");
}

void write_gtkw(const WavePlan &plan, const WaveNotes &notes) {
  const std::optional<FirstWrong> &wrong = notes.first_wrong;
  const std::optional<uint64_t> mark = wrong ? wrong->cycle : notes.hang;
  // The job to look at: the one of the mark, else the first that the window shows.
  WaveNotes::Job job;
  for (const WaveNotes::Job &candidate : notes.jobs) {
    if (mark && candidate.doorbell > *mark) break;
    job = candidate;
    if (!mark && (candidate.irq == 0 || candidate.irq >= plan.from)) break;
  }
  ViewTimes times;
  times.doorbell = job.doorbell;
  times.irq = job.irq;
  if (!wrong && notes.hang) times.mark_name = "hang";
  times.mark = mark;
  times.from = plan.from;
  times.until = job.first_row;
  const WaveNotes::Command *suspect = nullptr;
  size_t first = job.first_command;
  if (wrong) {
    if (wrong->cause_cycle >= plan.from) times.cause = wrong->cause_cycle;
    if (wrong->command && job.first_command + *wrong->command < notes.commands.size()) {
      // Types are those of its product: a STORE stands behind its MATMUL.
      first += *wrong->command;
      suspect = &notes.commands[first];
      if (SYSTOLE_FIELD(suspect->record, CMD_OPCODE) == SYSTOLE_OPCODE_STORE)
        while (first > job.first_command && SYSTOLE_FIELD(notes.commands[first].record, CMD_OPCODE) != SYSTOLE_OPCODE_MATMUL)
          --first;
    }
  }
  View view(plan.file, times);
  const Types types = types_of(notes, first);
  Groups(view, notes, types, suspect, times.cause != 0).write();
  view.close();
}

}  // namespace systole::platform
