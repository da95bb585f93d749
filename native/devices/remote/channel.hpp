// One end of a socket pair that carries messages, each whole or not at all (SOCK_SEQPACKET).
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_CHANNEL_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_CHANNEL_HPP_

#include <span>
#include <string>
#include <vector>

#include "native/devices/remote/file_descriptor.hpp"
#include "native/devices/remote/message.hpp"

namespace sluice::remote {

// Descriptors that one message may carry.
constexpr std::size_t kDescriptorsMax = 2;

class Channel {
 public:
  enum class Outcome {
    kDone,
    // The other end is closed, or the socket is not one.
    kEnded,
    // Nothing was sent: the other end reads nothing.
    kFull,
    // What came is no message of ours.
    kInvalid,
  };

  Channel() = default;
  explicit Channel(FileDescriptor socket) : socket_(std::move(socket)) {}

  int descriptor() const { return socket_.get(); }

  // Does not block. Messages of several threads do not mix.
  Outcome Send(const Message& message, std::span<const int> descriptors = {}) const;

  // Blocks until a message comes. `fault` names what is wrong when the outcome is kInvalid.
  Outcome Receive(Message* message, std::vector<FileDescriptor>* descriptors,
                  std::string* fault) const;

  // Ends both ends' waits; the descriptor stays until destruction.
  void Shutdown() const;

 private:
  FileDescriptor socket_;
};

// Two connected channels, both closed on exec; false when there is no descriptor left.
bool OpenChannelPair(Channel* first, Channel* second);

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_CHANNEL_HPP_
