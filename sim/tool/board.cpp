// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/board.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "sim/fpga/engine.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace {

link::Settings settings(const BoardOptions &options) {
  link::Settings out;
  out.timeout_s = options.timeout_s;
  return out;
}

}  // namespace

Connection::Connection(const BoardOptions &options) : port(options.port), client(port, settings(options)) {
  client.connect(options.baud);
}

platform::GemmResult run_on_board(const platform::GemmJob &job, Report &report, ProgressMeter &meter) {
  const BoardOptions &options = report.options.board;
  meter.phase("connecting");
  Connection connection(options);
  link::Client &client = connection.client;
  BoardReport board;
  board.board = fpga::read_board(client);
  board.baud = client.baud();
  if (options.config) fpga::expect_config(board.board, *options.config, options.port);
  report.options.config = board.board.config;
  remove_old_reports(report);

  fpga::Engine engine(client, board.board);
  fpga::EngineOptions how;
  how.stall_s = std::max(how.stall_s, 10 * options.timeout_s);  // two requests may take as long, and the board be well
  how.progress = [&meter](const fpga::Progress &progress) {
    meter.detail(grouped(progress.bytes / 1000) + " of " + grouped(progress.all_bytes / 1000) + " kB over the line, " +
                     grouped(progress.tiles) + " of " + counted(progress.all_tiles, "tile"),
                 progress.all_bytes == 0 ? 0.0 : static_cast<double>(progress.bytes) / static_cast<double>(progress.all_bytes));
  };
  meter.phase("computing on the board");
  platform::GemmResult result;
  try {
    result = engine.run(job, how);
  } catch (const std::invalid_argument &error) {
    throw UserError(error.what());
  }
  board.tiling = engine.tiling();
  board.link = client.statistics();
  board.chunk = client.chunk();
  report.board = std::move(board);
  return result;
}

}  // namespace systole::tool
