// The reviewed files of a CA on a removable disk: how they come to a machine that carries none. `policy.toml` and `hsm.toml` are read
// from the disk's top folder, and from `media.txt`, if it is there, the names of further media (factories), one a line.
//
// Nothing is believed because of where it was: the files are checked as files on the command line are, people compare their words, and
// a log goes on only under a policy that it has adopted. Nothing else on the disk is looked at, and nothing is written to it.
#pragma once

#include "ceremony/ground/env.h"
#include "ceremony/operator.h"
#include "ceremony/options.h"
#include "media/mounter_client.h"

namespace ceremony {

/// Asks for the disk until one is in that has both files, copies them below `folder`, and names them in `options`, and with them every
/// medium: two ledgers, the backups the policy wants, one for each person, `intake` and `public`. Where `options` name files already, those
/// of the image's sample, people choose first.
/// `machine` is shown above the question: whoever writes a policy reads there what the machine says of itself.
/// Returns what was told over USB meanwhile and is not dealt with: of the disks, one was asked for.
/// Throws what people decide (OperatorRefusal). A policy that cannot be read names no people: who reads it next says so.
[[nodiscard]] std::vector<media::UsbNews> take_files_from_disk(Env& env, media::Mounter& mounter, Operator& op, const Path& folder, const std::string& machine,
                                                                Options& options);

}  // namespace ceremony
