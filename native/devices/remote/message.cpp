#include "native/devices/remote/message.hpp"

#include <algorithm>
#include <string>

namespace sluice::remote {
namespace {

bool IsStatusCode(StatusCode code) { return std::string_view(CodeName(code)) != "internal"; }

bool IsKind(MessageKind kind) {
  switch (kind) {
    case MessageKind::kHello:
    case MessageKind::kLoad:
    case MessageKind::kUnload:
    case MessageKind::kRun:
      return true;
  }
  return false;
}

std::string Wrong(const char* field, std::uint64_t value) {
  return std::string(field) + " " + std::to_string(value);
}

}  // namespace

void SetText(std::string_view text, Message* message) {
  const std::size_t bytes = std::min(text.size(), kTextBytesMax);
  std::copy_n(text.data(), bytes, message->text);
  message->text_bytes = static_cast<std::uint32_t>(bytes);
}

std::string TextOf(const Message& message) {
  return OneLine(std::string_view(message.text, message.text_bytes));
}

void SetStatus(const Status& status, Message* message) {
  message->status = status.code;
  SetText(status.reason, message);
}

Status StatusOf(const Message& message) {
  if (message.status == StatusCode::kOk) return Ok();
  return Status{message.status, TextOf(message)};
}

std::string FaultOf(const Message& message) {
  if (message.magic != kMessageMagic) return Wrong("magic", message.magic);
  if (message.version != kMessageVersion) return Wrong("version", message.version);
  if (!IsKind(message.kind)) return Wrong("kind", static_cast<std::uint64_t>(message.kind));
  if (!IsStatusCode(message.status)) {
    return Wrong("status", static_cast<std::uint64_t>(message.status));
  }
  if (message.text_bytes > kTextBytesMax) return Wrong("text length", message.text_bytes);
  return {};
}

std::string OneLine(std::string_view text) {
  std::string line(text.substr(0, kTextBytesMax));
  for (char& character : line) {
    if (character < ' ' || character > '~') character = ' ';
  }
  const std::size_t end = line.find_last_not_of(' ');
  line.resize(end == std::string::npos ? 0 : end + 1);
  return line;
}

}  // namespace sluice::remote
