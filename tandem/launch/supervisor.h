// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/launch/environment.h"
#include "tandem/launch/launch_plan.h"
#include "tandem/launch/verdict.h"

namespace tandem::launch {

/// Starts this node's ranks and stays until all of them, and what they started in their process groups, are
/// gone and all they wrote is passed on.
/// - Each line of output goes to the same stream of the launcher as `[rank 3] line`, and to the rank's log.
/// - A rank that fails ends the others: SIGTERM at once, SIGKILL after `stop_grace`.
/// - When all are gone they start again after a back-off, as `restarts` allows (RestartPolicy): not after
/// exit
///   code 2, and not after a signal to the launcher. They find TORCHELASTIC_RESTART_COUNT, a port on which
///   they can listen at once, and a way to report committed steps (report_channel.h).
/// - SIGTERM, SIGINT and SIGHUP (as SIGTERM) are passed on; the ranks have `signal_grace` to save and end. A
///   second signal, a second or more later, shortens that to `stop_grace`. During a back-off they end the
///   launch at once.
/// - A rank that ends well waits for no one; ranks that run on for `finish_grace`, if one is given, after the
///   first such end are stopped as failed.
/// - Killed itself, even by SIGKILL, the launcher takes the ranks with it.
/// Call it from a process without other threads or children, that ends when it returns: SIGTERM, SIGINT and
/// SIGHUP stay blocked. Writes to the two descriptors of the options and to the folder of logs and nowhere
/// else. Throws InputError or EnvironmentError for what keeps the ranks from starting the first time;
/// those that did start are gone then. Later, that is a failure like any other.
LaunchResult launch(const LaunchOptions& options, const Variables& variables = process_variables());

}  // namespace tandem::launch
