// The messages between a program and the process that holds its device: one fixed-size record each,
// so that a reader checks a length and a few fields and has nothing to parse.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_MESSAGE_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_MESSAGE_HPP_

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "native/core/device.hpp"
#include "native/devices/remote/remote_limits.hpp"

namespace sluice::remote {

constexpr std::uint64_t kMessageMagic = 0x5645444543554c53;  // "SLUCEDEV"
// Counts every change of Message or of what its fields mean.
constexpr std::uint32_t kMessageVersion = 1;

// What a message asks for or answers. Every request but kUnload is answered with its own kind.
enum class MessageKind : std::uint32_t {
  // From the device's process, first and once: it has opened the device, or why it has not.
  kHello = 1,
  // Descriptors: the program (program_transfer.hpp), then memory for one input and one output.
  kLoad = 2,
  kUnload = 3,
  // The input lies in the program's memory; so does the output, behind it, with the answer.
  kRun = 4,
};

// Sizes of a program.
struct ProgramSizes {
  std::uint64_t instructions = 0;
  std::uint64_t weights_bytes = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;
  std::uint64_t arena_bytes = 0;
};

struct Message {
  std::uint64_t magic = kMessageMagic;
  std::uint32_t version = kMessageVersion;
  MessageKind kind = MessageKind::kHello;
  // Repeated in the answer.
  std::uint64_t request = 0;
  std::uint64_t program = 0;
  ProgramSizes sizes;
  Counters counters;
  HardwareHash hash{};
  StatusCode status = StatusCode::kOk;
  std::uint32_t text_bytes = 0;
  char text[kTextBytesMax] = {};
};
static_assert(std::is_trivially_copyable_v<Message>);
static_assert(sizeof(StatusCode) == sizeof(std::uint32_t));

// Writes as much of `text` as fits.
void SetText(std::string_view text, Message* message);
std::string TextOf(const Message& message);

// Sets the outcome of an operation.
void SetStatus(const Status& status, Message* message);
Status StatusOf(const Message& message);

// The first wrong field of a message that may be hostile; empty when there is none.
std::string FaultOf(const Message& message);

// One line of printable characters, at most kTextBytesMax: what a process says goes into errors.
std::string OneLine(std::string_view text);

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_MESSAGE_HPP_
