#include "native/devices/remote/channel.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace sluice::remote {
namespace {

// Room for the descriptors, aligned as the kernel's header of them asks.
struct ControlBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(kDescriptorsMax * sizeof(int))] = {};
};

void PutDescriptors(std::span<const int> descriptors, ControlBuffer* buffer, msghdr* header) {
  if (descriptors.empty()) return;
  header->msg_control = buffer->bytes;
  header->msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* control = CMSG_FIRSTHDR(header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(control), descriptors.data(), descriptors.size_bytes());
}

// Takes all of them first, so that none leaks whatever is wrong with the message.
void TakeDescriptors(msghdr* header, std::vector<FileDescriptor>* descriptors) {
  for (cmsghdr* control = CMSG_FIRSTHDR(header); control != nullptr;
       control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(control) + index * sizeof(int), sizeof(int));
      descriptors->emplace_back(descriptor);
    }
  }
}

}  // namespace

Channel::Outcome Channel::Send(const Message& message, std::span<const int> descriptors) const {
  iovec part{const_cast<Message*>(&message), sizeof(Message)};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control;
  PutDescriptors(descriptors, &control, &header);
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent == static_cast<ssize_t>(sizeof(Message))) return Outcome::kDone;
  return errno == EAGAIN || errno == ENOBUFS ? Outcome::kFull : Outcome::kEnded;
}

Channel::Outcome Channel::Receive(Message* message, std::vector<FileDescriptor>* descriptors,
                                  std::string* fault) const {
  iovec part{message, sizeof(Message)};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof(control.bytes);
  ssize_t received = -1;
  do {
    received = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return Outcome::kEnded;
  TakeDescriptors(&header, descriptors);
  // A message of no bytes looks like the end, and is treated as one.
  if (received == 0) return Outcome::kEnded;
  if (received != static_cast<ssize_t>(sizeof(Message)) ||
      (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    *fault = "its length or its descriptors are wrong; " + std::to_string(received) + " bytes, " +
             std::to_string(sizeof(Message)) + " expected";
    return Outcome::kInvalid;
  }
  *fault = FaultOf(*message);
  return fault->empty() ? Outcome::kDone : Outcome::kInvalid;
}

void Channel::Shutdown() const {
  if (socket_.valid()) ::shutdown(socket_.get(), SHUT_RDWR);
}

bool OpenChannelPair(Channel* first, Channel* second) {
  int sockets[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return false;
  *first = Channel(FileDescriptor(sockets[0]));
  *second = Channel(FileDescriptor(sockets[1]));
  return true;
}

}  // namespace sluice::remote
