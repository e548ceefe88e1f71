// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "tandem/comm/group.h"
#include "tandem/parallel/stage.h"
#include "tandem/schedule/schedule.h"

namespace tandem::parallel {

/// Runs one stage's list of actions: the only place where a pipeline's order becomes work. One object a rank.
class PipelineExecutor {
 public:
  /// `pipeline` is the group of this rank's stages, stage s at its rank s. Group and stage must outlive this.
  PipelineExecutor(const comm::Group& pipeline, Stage& stage) : pipeline_(pipeline), stage_(stage) {}

  /// Runs the actions of this rank's stage; all ranks of the pipeline call with theirs.
  /// `before_last_backward` is called before the last backward of the list. Returns the loss of each
  /// micro-batch on the last stage, nothing elsewhere. Gradients are built if the list has backwards. Sends
  /// are asynchronous; all are complete on return.
  std::vector<double> run(const std::vector<schedule::Action>& actions,
                          const std::function<void()>& before_last_backward = {});

 private:
  // A micro-batch between its forward and its backward.
  struct InFlight {
    std::vector<at::Tensor> incoming;
    std::vector<at::Tensor> outgoing;
    std::vector<at::Tensor> outgoing_gradients;
    std::vector<comm::Pending> sends;  // forward
  };
  enum class Direction { kForward, kBackward };

  void receive_forward(int micro_batch);
  void forward(int micro_batch);
  void send_forward(int micro_batch);
  void receive_backward(int micro_batch);
  void backward(int micro_batch);
  void send_backward(int micro_batch);
  std::vector<at::Tensor> receive(const std::vector<BorderTensor>& border, int from, int micro_batch,
                                  Direction direction);
  std::vector<comm::Pending> send(std::vector<at::Tensor> tensors, int to, int micro_batch,
                                  Direction direction);
  void retire_sends(size_t keep);

  const comm::Group& pipeline_;
  Stage& stage_;
  bool training_ = false;
  std::vector<double> losses_;  // by micro-batch
  std::map<int, InFlight> in_flight_;
  std::vector<std::vector<comm::Pending>> old_sends_;  // oldest first
};

}  // namespace tandem::parallel
