// SPDX-License-Identifier: Apache-2.0
#include "disk_model.h"

#include <functional>
#include <stdexcept>

#include <sys/stat.h>

#include "scratch_folder.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;
using Kind = Operation::Kind;

namespace {

void set_bytes(std::string& file, int64_t position, const std::string& bytes) {
  const auto begin = static_cast<size_t>(position);
  if (file.size() < begin + bytes.size()) file.resize(begin + bytes.size(), '\0');
  file.replace(begin, bytes.size(), bytes);
}

void erase_entry(DiskObject& folder, const std::string& name, int child) {
  const auto found = folder.entries.find(name);
  // Where an operation before is missing, the name may lead elsewhere.
  if (found != folder.entries.end() && found->second == child) folder.entries.erase(found);
}

}  // namespace

void Disk::write_to(const fs::path& folder) const {
  const std::function<void(const fs::path&, int)> write = [&](const fs::path& path, int number) {
    const DiskObject& object = objects.at(number);
    if (!object.is_folder) return write_bytes(path, object.bytes);
    if (!fs::create_directory(path)) throw std::logic_error(path.string() + " is there already");
    for (const auto& [name, child] : object.entries) write(path / name, child);
  };
  write(folder, 0);
}

std::string Disk::to_text() const {
  std::string text;
  const std::function<void(const std::string&, int)> add = [&](const std::string& path, int number) {
    const DiskObject& object = objects.at(number);
    text += path;
    text += object.is_folder ? "/\n" : " " + std::to_string(object.bytes.size()) + "\n" + object.bytes + "\n";
    for (const auto& [name, child] : object.entries) add(path + "/" + name, child);
  };
  add("", 0);
  return text;
}

Disk read_disk(const fs::path& folder, std::map<FileIdentity, int>* numbers) {
  Disk disk;
  int next = 0;
  const std::function<int(const fs::path&)> read = [&](const fs::path& path) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0 || (!S_ISDIR(facts.st_mode) && !S_ISREG(facts.st_mode)))
      throw std::logic_error(path.string() + ": neither file nor folder");
    const int number = next++;
    if (numbers != nullptr) (*numbers)[{facts.st_dev, facts.st_ino}] = number;
    DiskObject object{.is_folder = S_ISDIR(facts.st_mode)};
    if (!object.is_folder) object.bytes = bytes_of(path);
    if (object.is_folder)
      for (const std::string& name : names_in(path)) object.entries[name] = read(path / name);
    disk.objects[number] = std::move(object);
    return number;
  };
  read(folder);
  return disk;
}

void apply(const Operation& operation, Disk& disk) {
  if (operation.object < 0) return;
  DiskObject& object = disk.objects.at(operation.object);
  switch (operation.kind) {
    case Kind::kCreate:
    case Kind::kMkdir:
      object.entries[operation.name] = operation.child;
      break;
    case Kind::kRename:
      erase_entry(object, operation.name, operation.child);
      object.entries[operation.new_name] = operation.child;
      break;
    case Kind::kUnlink:
    case Kind::kRmdir:
      erase_entry(object, operation.name, operation.child);
      break;
    case Kind::kWrite:
      set_bytes(object.bytes, operation.position, operation.bytes);
      break;
    case Kind::kTruncate:
      object.bytes.resize(static_cast<size_t>(operation.position), '\0');
      break;
    case Kind::kSync:
    case Kind::kMark:
      break;
  }
}

Disk DiskHistory::after(size_t count) const {
  Disk disk = before;
  for (size_t i = 0; i < count; ++i) apply(operations[i], disk);
  return disk;
}

}  // namespace tandem::checkpoint
