/// \file Reference model of rtl/job_sequencer.sv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dyad::cosim::reference {

/// Runs the jobs of a layer, which are listed beforehand by three plain loops; tiles in the memories are tokens.
class JobSequencer {
 public:
  struct Layer {
    std::int64_t blocks = 1, group_blocks = 1, block_tiles = 1, last_block_tiles = 1, rows = 1, jobs_per_result = 1;
    bool has_resident = true;
    std::int64_t stream_slots = 1, stream_stride = 0, regions = 1, region_stride = 0, resident_stride = 0;
  };
  struct Job {
    std::int64_t stream_base = 0, resident_base = 0;  ///< entries, before they are cut to the address bits
    bool takes_stream = false, takes_resident = false, first_of_result = false, last_of_result = false;
    bool releases_stream = false, releases_resident = false;
  };
  /// What the module decides in a cycle.
  struct Outputs {
    bool job_start = false, offer = false, handover = false, release_stream = false, release_resident = false, active = false;
    const Job* starting = nullptr;  ///< of job_start
    const Job* running = nullptr;   ///< the job that has started last, until it has handed over
  };

  static std::vector<Job> jobs(const Layer& layer) {
    std::vector<Job> jobs;
    std::int64_t streamed = 0;
    for (std::int64_t block = 0; block < layer.blocks; ++block) {
      const bool ends_group = (block + 1) % layer.group_blocks == 0;
      const std::int64_t tiles = ends_group ? layer.last_block_tiles : layer.block_tiles;
      for (std::int64_t row = 0; row < layer.rows; ++row, ++streamed) {
        for (std::int64_t tile = 0; tile < tiles; ++tile) {
          Job job;
          const auto part = static_cast<std::int64_t>(jobs.size()) % layer.jobs_per_result;
          job.stream_base = streamed % layer.stream_slots * layer.stream_stride;
          job.resident_base = block % layer.regions * layer.region_stride + tile * layer.resident_stride;
          job.takes_stream = tile == 0;
          job.takes_resident = layer.has_resident && row == 0;
          job.first_of_result = part == 0;
          job.last_of_result = part == layer.jobs_per_result - 1;
          job.releases_stream = tile == tiles - 1;
          job.releases_resident = layer.has_resident && job.releases_stream && row == layer.rows - 1;
          jobs.push_back(job);
        }
      }
    }
    return jobs;
  }

  const std::vector<Job>& jobs() const { return jobs_; }
  bool active() const { return is_running_ || next_ < jobs_.size(); }

  Outputs outputs(bool job_issued, bool accept) const {
    Outputs out;
    out.active = active();
    out.running = is_running_ ? &jobs_[running_] : nullptr;
    out.offer = is_running_ && job_issued;
    out.handover = out.offer && accept;
    if (next_ < jobs_.size() && (!is_running_ || out.handover)) {
      const Job& job = jobs_[next_];
      if ((!job.takes_stream || stream_tiles_ > 0) && (!job.takes_resident || resident_tiles_ > 0)) out.starting = &job;
    }
    out.job_start = out.starting != nullptr;
    out.release_stream = out.handover && out.running->releases_stream;
    out.release_resident = out.handover && out.running->releases_resident;
    return out;
  }

  /// A clock edge; the tile pulses are those of the cycle before it.
  void clock(bool job_issued, bool accept, bool stream_done, bool resident_done) {
    const Outputs out = outputs(job_issued, accept);
    if (out.handover) is_running_ = false;
    if (out.job_start) {
      stream_tiles_ -= out.starting->takes_stream;
      resident_tiles_ -= out.starting->takes_resident;
      running_ = next_++;
      is_running_ = true;
    }
    stream_tiles_ += stream_done;
    resident_tiles_ += resident_done;
  }
  /// A clock edge with start_i.
  void start(const Layer& layer) {
    reset();
    jobs_ = jobs(layer);
  }
  void reset() {
    jobs_.clear();
    next_ = 0;
    is_running_ = false;
    stream_tiles_ = resident_tiles_ = 0;
  }

 private:
  std::vector<Job> jobs_;
  std::size_t next_ = 0, running_ = 0;
  bool is_running_ = false;
  std::int64_t stream_tiles_ = 0, resident_tiles_ = 0;
};

}  // namespace dyad::cosim::reference
