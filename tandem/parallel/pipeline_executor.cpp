// SPDX-License-Identifier: Apache-2.0
#include "tandem/parallel/pipeline_executor.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "tandem/base/error.h"
#include "tandem/observe/trace.h"

namespace tandem::parallel {

namespace {

using schedule::Action;
using Kind = Action::Kind;

// A bundle has at most this many tensors.
constexpr int kTagsPerMicroBatch = 8;

const char* span_name(Kind kind) {
  switch (kind) {
    case Kind::kReceiveForward:
      return "receive_forward";
    case Kind::kForward:
      return "forward";
    case Kind::kSendForward:
      return "send_forward";
    case Kind::kReceiveBackward:
      return "receive_backward";
    case Kind::kBackward:
      return "backward";
    case Kind::kSendBackward:
      break;
  }
  return "send_backward";
}

}  // namespace

std::vector<double> PipelineExecutor::run(const std::vector<Action>& actions,
                                          const std::function<void()>& before_last_backward) {
  const auto is_backward = [](const Action& action) { return action.kind == Kind::kBackward; };
  const auto last_backward = std::find_if(actions.rbegin(), actions.rend(), is_backward);
  training_ = last_backward != actions.rend();
  losses_.clear();
  const at::AutoGradMode grad_mode(training_);
  for (const Action& action : actions) {
    const observe::ScopedSpan span({span_name(action.kind), "pipeline", action.micro_batch});
    if (training_ && action == *last_backward && before_last_backward) before_last_backward();
    switch (action.kind) {
      case Kind::kReceiveForward:
        receive_forward(action.micro_batch);
        break;
      case Kind::kForward:
        forward(action.micro_batch);
        break;
      case Kind::kSendForward:
        send_forward(action.micro_batch);
        break;
      case Kind::kReceiveBackward:
        receive_backward(action.micro_batch);
        break;
      case Kind::kBackward:
        backward(action.micro_batch);
        break;
      case Kind::kSendBackward:
        send_backward(action.micro_batch);
        break;
    }
  }
  retire_sends(0);
  TANDEM_CHECK(in_flight_.empty(), "{} micro-batches left in flight", in_flight_.size());
  return losses_;
}

std::vector<at::Tensor> PipelineExecutor::receive(const std::vector<BorderTensor>& border, int from,
                                                  int micro_batch, Direction direction) {
  std::vector<at::Tensor> tensors;
  std::vector<comm::Pending> pending;
  for (size_t i = 0; i < border.size(); ++i) {
    const bool forward = direction == Direction::kForward;
    tensors.push_back(at::empty(border[i].shape, forward ? border[i].value_type : border[i].gradient_type));
    const int tag = micro_batch * kTagsPerMicroBatch + 2 * static_cast<int>(i) + (forward ? 0 : 1);
    pending.push_back(pipeline_.receive(tensors.back(), from, tag));
  }
  for (comm::Pending& operation : pending) operation.wait();
  return tensors;
}

std::vector<comm::Pending> PipelineExecutor::send(std::vector<at::Tensor> tensors, int to, int micro_batch,
                                                  Direction direction) {
  TANDEM_CHECK(2 * tensors.size() <= kTagsPerMicroBatch);
  std::vector<comm::Pending> pending;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int tag = micro_batch * kTagsPerMicroBatch + 2 * static_cast<int>(i) +
                    (direction == Direction::kForward ? 0 : 1);
    pending.push_back(pipeline_.send(tensors[i], to, tag));
  }
  return pending;
}

void PipelineExecutor::receive_forward(int micro_batch) {
  const std::vector<BorderTensor> border = stage_.incoming(micro_batch);
  std::vector<at::Tensor> values = receive(border, pipeline_.rank() - 1, micro_batch, Direction::kForward);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = values[i].to(border[i].gradient_type).requires_grad_(training_);
  in_flight_[micro_batch].incoming = std::move(values);
}

void PipelineExecutor::forward(int micro_batch) {
  InFlight& flight = in_flight_[micro_batch];
  flight.outgoing = stage_.forward(micro_batch, flight.incoming);
  if (pipeline_.rank() + 1 < pipeline_.size()) return;
  const auto number = static_cast<size_t>(micro_batch);
  losses_.resize(std::max(losses_.size(), number + 1));
  losses_[number] = flight.outgoing.at(0).item<double>();
  if (!training_) in_flight_.erase(micro_batch);
}

void PipelineExecutor::send_forward(int micro_batch) {
  InFlight& flight = in_flight_.at(micro_batch);
  const std::vector<BorderTensor> border = stage_.outgoing(micro_batch);
  TANDEM_CHECK(border.size() == flight.outgoing.size());
  std::vector<at::Tensor> values;
  for (size_t i = 0; i < border.size(); ++i)
    values.push_back(flight.outgoing[i].detach().to(border[i].value_type).contiguous());
  flight.sends = send(std::move(values), pipeline_.rank() + 1, micro_batch, Direction::kForward);
  if (training_) return;
  old_sends_.push_back(std::move(flight.sends));
  in_flight_.erase(micro_batch);
  retire_sends(schedule::max_open_sends(static_cast<size_t>(pipeline_.size())));
}

void PipelineExecutor::receive_backward(int micro_batch) {
  in_flight_.at(micro_batch).outgoing_gradients =
      receive(stage_.outgoing(micro_batch), pipeline_.rank() + 1, micro_batch, Direction::kBackward);
}

void PipelineExecutor::backward(int micro_batch) {
  InFlight& flight = in_flight_.at(micro_batch);
  // The next stage has run this micro-batch: it has long received it.
  for (comm::Pending& operation : flight.sends) operation.wait();
  std::vector<at::Tensor> gradients = std::move(flight.outgoing_gradients);
  for (size_t i = 0; i < gradients.size(); ++i)
    gradients[i] = gradients[i].to(flight.outgoing[i].scalar_type());
  torch::autograd::backward(flight.outgoing, gradients);
  flight.outgoing.clear();
  if (pipeline_.rank() == 0) in_flight_.erase(micro_batch);
}

void PipelineExecutor::send_backward(int micro_batch) {
  const InFlight flight = std::move(in_flight_.at(micro_batch));
  in_flight_.erase(micro_batch);
  std::vector<at::Tensor> gradients;
  for (size_t i = 0; i < flight.incoming.size(); ++i) {
    const at::Tensor& gradient = flight.incoming[i].grad();
    TANDEM_CHECK(gradient.defined(), "stage {} gives no gradient of {} of micro-batch {}", pipeline_.rank(),
                 stage_.incoming(micro_batch)[i].name, micro_batch);
    gradients.push_back(gradient.contiguous());
  }
  old_sends_.push_back(send(std::move(gradients), pipeline_.rank() - 1, micro_batch, Direction::kBackward));
  retire_sends(schedule::max_open_sends(static_cast<size_t>(pipeline_.size())));
}

// Frees the memory of old messages. A neighbour that is within a pipeline's length has received those it
// waits for.
void PipelineExecutor::retire_sends(size_t keep) {
  while (old_sends_.size() > keep) {
    for (comm::Pending& operation : old_sends_.front()) operation.wait();
    old_sends_.erase(old_sends_.begin());
  }
}

}  // namespace tandem::parallel
