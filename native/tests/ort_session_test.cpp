// Models in ONNX Runtime, and inputs of all kinds, each in memory of exactly its size: what reads
// beyond it is found by the address sanitizer. That numbers are right is for the TypeScript tests.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hls/testing.hpp"
#include "native/ort/session.hpp"

namespace {

using sluice::Status;
using sluice::StatusCode;
using sluice::ort::ElementType;
using sluice::ort::Library;
using sluice::ort::OutputTensor;
using sluice::ort::RunControl;
using sluice::ort::Session;
using sluice::ort::TensorView;

using Bytes = std::vector<std::uint8_t>;

// Gives its input back: in_bytes [-1, 3] as out_bytes.
const char kTextModel[] =
    "08081206736c756963653a7a0a350a08696e5f627974657312096f75745f62797465731a124964656e746974"
    "795f6f75745f627974657322084964656e746974793a001204746573745a1c0a08696e5f627974657312100a"
    "0e0808120a0a04120264300a020803621d0a096f75745f627974657312100a0e0808120a0a04120264300a02"
    "080342040a00100e42110a0d636f6d2e6d6963726f736f66741001";

Bytes FromHex(const std::string& text) {
  Bytes bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(at, 2), nullptr, 16)));
  }
  return bytes;
}

Bytes ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

const Library& TheLibrary() {
  const Library* library = nullptr;
  SLUICE_CHECK(Library::Open(SLUICE_TEST_ORT_LIBRARY, &library).ok());
  return *library;
}

std::shared_ptr<const Session> Load(const Bytes& model) {
  std::shared_ptr<const Session> session;
  SLUICE_CHECK(Session::Load(TheLibrary(), model, {}, &session).ok());
  return session;
}

// What came of a run with one input and one output.
struct Outcome {
  Status status;
  std::vector<std::int64_t> shape;
  Bytes data;
};

Outcome Run(const Session& session, const TensorView& input, const RunControl* control = nullptr) {
  const auto memory = std::make_unique<std::uint8_t[]>(input.data.size());
  std::copy(input.data.begin(), input.data.end(), memory.get());
  TensorView own = input;
  own.data = {memory.get(), input.data.size()};
  std::vector<OutputTensor> results;
  Outcome outcome;
  outcome.status = session.Run({&own, 1}, session.output_names(), control, &results);
  if (outcome.status.ok()) {
    outcome.shape = results.at(0).shape();
    outcome.data.assign(results[0].data().begin(), results[0].data().end());
  }
  return outcome;
}

constexpr std::size_t kPixels = 784;

void TestRuns() {
  const auto session = Load(ReadFile(SLUICE_TEST_MODEL));
  SLUICE_CHECK(session->input_names() == std::vector<std::string>{"input"});
  SLUICE_CHECK(session->output_names() == std::vector<std::string>{"logits"});
  const Bytes zeros(kPixels * sizeof(float));
  const TensorView input{"input", ElementType::kFloat, {1, kPixels}, zeros};
  const Outcome alone = Run(*session, input);
  SLUICE_CHECK(alone.status.ok());
  SLUICE_CHECK(alone.shape == (std::vector<std::int64_t>{1, 10}));
  SLUICE_CHECK(alone.data.size() == 10 * sizeof(float));
  // Threads share the session.
  std::vector<Outcome> outcomes(4);
  std::vector<std::thread> threads;
  for (Outcome& outcome : outcomes) {
    threads.emplace_back([&] {
      for (int run = 0; run < 50; ++run) outcome = Run(*session, input);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Outcome& outcome : outcomes) SLUICE_CHECK(outcome.data == alone.data);
}

void TestWrongInputs() {
  const auto session = Load(ReadFile(SLUICE_TEST_MODEL));
  const Bytes zeros(kPixels * sizeof(float));
  const auto code = [&](TensorView input) { return Run(*session, input).status.code; };
  const TensorView right{"input", ElementType::kFloat, {1, kPixels}, zeros};
  TensorView wrong = right;
  wrong.data = wrong.data.subspan(1);
  SLUICE_CHECK(code(wrong) == StatusCode::kTensorData);
  wrong = right;
  wrong.shape = {-1, kPixels};
  SLUICE_CHECK(code(wrong) == StatusCode::kTensorData);
  wrong.shape = {std::int64_t{1} << 62, std::int64_t{1} << 62};
  SLUICE_CHECK(code(wrong) == StatusCode::kTensorData);
  wrong.shape = {};
  SLUICE_CHECK(code(wrong) == StatusCode::kTensorData);
  wrong = right;
  wrong.name = "other";
  SLUICE_CHECK(code(wrong) == StatusCode::kEngineFailed);
  wrong = right;
  wrong.shape = {kPixels, 1};
  SLUICE_CHECK(code(wrong) == StatusCode::kEngineFailed);
  wrong.type = ElementType::kInt32;
  SLUICE_CHECK(code(wrong) == StatusCode::kEngineFailed);
  // After all of them.
  SLUICE_CHECK(code(right) == StatusCode::kOk);
}

void TestTexts() {
  const auto session = Load(FromHex(kTextModel));
  const auto run = [&](std::vector<std::int64_t> shape, const Bytes& data) {
    return Run(*session, TensorView{"in_bytes", ElementType::kString, std::move(shape), data});
  };
  // A zero, nothing, and what is not UTF-8.
  const Bytes texts = {3, 0, 0, 0, 'a', 0, 'b', 0, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0x28};
  const Outcome back = run({1, 3}, texts);
  SLUICE_CHECK(back.status.ok());
  SLUICE_CHECK(back.data == texts);
  SLUICE_CHECK(run({0, 3}, {}).status.ok());
  const std::vector<Bytes> broken = {
      {},
      {0, 0, 0, 0},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
      {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0},
      {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7},
  };
  for (const Bytes& data : broken) {
    SLUICE_CHECK(run({1, 3}, data).status.code == StatusCode::kTensorData);
  }
  const Bytes many(std::size_t{4} * 3 * ((std::size_t{4} << 20) / 3 + 1));
  const auto rows = static_cast<std::int64_t>(many.size() / 12);
  SLUICE_CHECK(run({rows, 3}, many).status.code == StatusCode::kLimitExceeded);
  // Nothing is allocated for so many.
  SLUICE_CHECK(run({1'000'000'000'000, 3}, texts).status.code == StatusCode::kTensorData);
}

void TestModels() {
  std::shared_ptr<const Session> session;
  for (const Bytes& model : {Bytes{}, Bytes{1, 2, 3}, FromHex("0808")}) {
    const Status status = Session::Load(TheLibrary(), model, {}, &session);
    SLUICE_CHECK(status.code == StatusCode::kModelInvalid);
    SLUICE_CHECK(status.reason.find('\n') == std::string::npos);
    SLUICE_CHECK(session == nullptr);
  }
  const Library* again = nullptr;
  SLUICE_CHECK(Library::Open("/nowhere", &again).ok());
  SLUICE_CHECK(again == &TheLibrary());
}

void TestEndedRun() {
  const auto session = Load(ReadFile(SLUICE_TEST_MODEL));
  const Bytes zeros(kPixels * sizeof(float));
  RunControl control;
  SLUICE_CHECK(control.Open(TheLibrary()).ok());
  control.Terminate();
  const TensorView input{"input", ElementType::kFloat, {1, kPixels}, zeros};
  SLUICE_CHECK(Run(*session, input, &control).status.code == StatusCode::kEngineFailed);
}

}  // namespace

int main() {
  // docs/decisions/0016-no-telemetry.md
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  const Library* none = nullptr;
  SLUICE_CHECK(Library::Open("/nowhere", &none).code == StatusCode::kEngineFailed);
  TestRuns();
  TestWrongInputs();
  TestTexts();
  TestModels();
  TestEndedRun();
  return sluice::testing::Finish();
}
