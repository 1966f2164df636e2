#include "bench_usage.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
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

std::int64_t shared_memory(const std::string& channel) {
  const std::filesystem::path folder = "/dev/shm";
  std::set<std::string> inodes;  // a mapping does not know the name of what had none yet when it was mapped
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    struct ::stat status {};
    if (name.find(channel) == std::string::npos || name.find(channel + ".control") != std::string::npos) continue;
    if (::stat(entry.path().c_str(), &status) != 0) throw std::system_error(errno, std::generic_category(), entry.path());
    inodes.insert(std::to_string(status.st_ino));
  }
  std::ifstream file("/proc/self/smaps");
  std::int64_t bytes = 0;
  bool ours = false;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key.back() != ':') {  // what a mapping begins with: addresses, rights, offset, device, inode, path
      std::string skipped;
      std::string inode;
      std::string path;
      words >> skipped >> skipped >> skipped >> inode >> path;
      ours = path.starts_with(folder.string() + "/") && inodes.contains(inode);
    } else if (ours && key == "Pss:") {
      std::int64_t kilobytes = 0;
      words >> kilobytes;
      bytes += kilobytes << 10;
    }
  }
  if (!file.eof()) throw std::runtime_error("reading /proc/self/smaps failed");
  return bytes;
}

namespace {

void print_known(std::ostream& out, const std::optional<std::int64_t>& value) {
  if (value) {
    out << *value;
  } else {
    out << "null";
  }
}

}  // namespace

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
  print_known(out, allocated_);
  out << ",\"shared_bytes\":";
  print_known(out, shared_);
  out << ",\"ran_on\":[";
  const char* separator = "";
  for (const int cpu : ran_on_) {
    out << separator << cpu;
    separator = ",";
  }
  out << "]}";
}

}  // namespace bench
