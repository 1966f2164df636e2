#include "bench_usage.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <cerrno>
#include <system_error>

namespace bench {

Note note_of_self() {
  Note note;
  note.cpu = ::sched_getcpu();
  ::timespec time{};
  ::rusage usage{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0 || ::getrusage(RUSAGE_SELF, &usage) != 0) {
    throw std::system_error(errno, std::generic_category(), "reading what this process used");
  }
  note.cpu_ns = time.tv_sec * 1'000'000'000 + time.tv_nsec;
  note.minor_faults = usage.ru_minflt;
  note.major_faults = usage.ru_majflt;
  return note;
}

void Usage::add(const Note& from, const Note& to) {
  cpu_ns_ += to.cpu_ns - from.cpu_ns;
  minor_faults_ += to.minor_faults - from.minor_faults;
  major_faults_ += to.major_faults - from.major_faults;
  if (from.allocated && to.allocated) allocated_ = allocated_.value_or(0) + *to.allocated - *from.allocated;
  for (const int cpu : {from.cpu, to.cpu}) {
    if (cpu >= 0) ran_on_.insert(cpu);
  }
}

void Usage::print(std::ostream& out) const {
  out << "{\"cpu_ns\":" << cpu_ns_ << ",\"minor_faults\":" << minor_faults_ << ",\"major_faults\":" << major_faults_
      << ",\"allocated_bytes\":";
  if (allocated_) {
    out << *allocated_;
  } else {
    out << "null";
  }
  out << ",\"ran_on\":[";
  const char* separator = "";
  for (const int cpu : ran_on_) {
    out << separator << cpu;
    separator = ",";
  }
  out << "]}";
}

}  // namespace bench
