// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/fst_reader.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "gtkwave/fstapi.h"
#include "sim/platform/errors.hpp"
#include "sim/platform/gtkw.hpp"

namespace systole::platform {
namespace {

class FstReader final : public WaveReader {
 public:
  explicit FstReader(const std::string &file) : reader_(fstReaderOpen(file.c_str())) {
    if (reader_ == nullptr) throw OutputError("cannot read the waves in " + file);
    std::string path;
    std::vector<std::size_t> lengths;
    while (const fstHier *item = fstReaderIterateHier(reader_)) {
      if (item->htyp == FST_HT_SCOPE) {
        lengths.push_back(path.size());
        path += (path.empty() ? "" : ".") + std::string(item->u.scope.name);
      } else if (item->htyp == FST_HT_UPSCOPE) {
        path.resize(lengths.empty() ? 0 : lengths.back());
        if (!lengths.empty()) lengths.pop_back();
      } else if (item->htyp == FST_HT_VAR && item->u.var.typ != FST_VT_VCD_PARAMETER) {
        std::string name = item->u.var.name;  // "sum_q[31:0]", with a blank before the range or not
        name = name.substr(0, name.find_first_of(" ["));
        std::string full = path + "." + name;
        if (full.compare(0, 4, "TOP.") == 0) full.erase(0, 4);
        signals_[full] = {item->u.var.handle, item->u.var.length};
      }
    }
  }
  ~FstReader() override { fstReaderClose(reader_); }
  FstReader(const FstReader &) = delete;
  FstReader &operator=(const FstReader &) = delete;

  bool has(const std::string &signal) const override { return signals_.count(signal) != 0; }

  void read(const std::vector<std::string> &signals,
            const std::function<void(uint64_t, const std::vector<WaveValue> &)> &call) override {
    values_.assign(signals.size(), {});
    places_.clear();
    call_ = &call;
    fstReaderClrFacProcessMaskAll(reader_);
    for (std::size_t i = 0; i < signals.size(); ++i) {
      const auto found = signals_.find(signals[i]);
      if (found == signals_.end()) throw std::invalid_argument("the waves hold no signal " + signals[i]);
      values_[i] = WaveValue(std::string(found->second.second, '0'));
      places_[found->second.first].push_back(i);
      fstReaderSetFacProcessMask(reader_, found->second.first);
    }
    next_ = (fstReaderGetStartTime(reader_) + WAVE_UNITS - 1) / WAVE_UNITS;
    fstReaderIterBlocks2(reader_, changed, changed_long, this, nullptr);
    advance(fstReaderGetEndTime(reader_) + 1);
    call_ = nullptr;
  }

 private:
  static void changed(void *self, uint64_t time, fstHandle handle, const unsigned char *value) {
    static_cast<FstReader *>(self)->change(time, handle, std::string(reinterpret_cast<const char *>(value)));
  }
  static void changed_long(void *self, uint64_t time, fstHandle handle, const unsigned char *value, uint32_t length) {
    static_cast<FstReader *>(self)->change(time, handle, std::string(reinterpret_cast<const char *>(value), length));
  }
  void change(uint64_t time, fstHandle handle, const std::string &value) {
    advance(time);
    for (const std::size_t i : places_[handle]) values_[i] = WaveValue(value);
  }
  /// Changes of cycle c's low half come at c * WAVE_UNITS: they are complete when a later time is seen.
  void advance(uint64_t time) {
    for (; next_ * WAVE_UNITS < time; ++next_) (*call_)(next_, values_);
  }

  void *reader_;
  std::map<std::string, std::pair<fstHandle, uint32_t>> signals_;
  std::map<fstHandle, std::vector<std::size_t>> places_;
  std::vector<WaveValue> values_;
  const std::function<void(uint64_t, const std::vector<WaveValue> &)> *call_ = nullptr;
  uint64_t next_ = 0;
};

}  // namespace

std::unique_ptr<WaveReader> open_fst(const std::string &file) { return std::make_unique<FstReader>(file); }

}  // namespace systole::platform
