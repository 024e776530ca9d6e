#include "dyad/base/files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace dyad {
namespace {

Result<std::ifstream> open_for_reading(const std::filesystem::path& file) {
  std::error_code code;
  if (!std::filesystem::exists(file, code)) return Error{file.string(), "no such file", "check the path"};
  if (std::filesystem::is_directory(file, code)) return Error{file.string(), "is a folder, a file was expected", "name the file inside it"};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Error{file.string(), std::string("cannot be opened: ") + std::strerror(errno), "check its permissions"};
  return stream;
}

template <typename Container>
Result<Container> read_whole(const std::filesystem::path& file) {
  DYAD_TRY(std::ifstream stream, open_for_reading(file));
  stream.seekg(0, std::ios::end);
  const auto size = static_cast<std::streamoff>(stream.tellg());
  if (size < 0) return Error{file.string(), "cannot be read as a file", "a regular file is needed"};
  stream.seekg(0);
  Container content(static_cast<std::size_t>(size), {});
  stream.read(reinterpret_cast<char*>(content.data()), size);
  if (!stream) return Error{file.string(), "reading broke off", "check the disk"};
  return content;
}

Error cannot_write(const std::filesystem::path& file, const std::string& why) {
  return Error{file.string(), "cannot be written: " + why, "check that the folder exists, is writable and has room"};
}

}  // namespace

Result<std::vector<std::uint8_t>> read_bytes(const std::filesystem::path& file) { return read_whole<std::vector<std::uint8_t>>(file); }

Result<std::string> read_text(const std::filesystem::path& file) { return read_whole<std::string>(file); }

Result<void> write_bytes(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
  std::filesystem::path temporary = file;
  temporary += ".tmp." + std::to_string(::getpid());
  {
    std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
    if (!stream) return cannot_write(file, std::strerror(errno));
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) {
      std::error_code ignored;
      std::filesystem::remove(temporary, ignored);
      return cannot_write(file, std::strerror(errno));
    }
  }
  std::error_code code;
  std::filesystem::rename(temporary, file, code);
  if (code) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    return cannot_write(file, code.message());
  }
  return {};
}

Result<void> write_text(const std::filesystem::path& file, std::string_view text) {
  return write_bytes(file, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace dyad
