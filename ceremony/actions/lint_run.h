// What several actions build and lint in the same way: the plans of a root and of a CRL, and zlint as pki wants it.
#pragma once

#include "ceremony/actions/run.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/crl.h"
#include "ceremony/pki/csr.h"

namespace ceremony::actions {

/// zlint behind pki's seam, with the sources of that profile.
[[nodiscard]] pki::ExternalLint zlint_for(Run& run, const pki::Profile& profile);
/// The root of the policy over that key, valid from now.
[[nodiscard]] pki::CertificatePlan root_plan(Run& run, const pki::PublicKeyInfo& key);
/// The CRL with that number of the CA that `issuer` is the certificate of, with every revocation on the log.
[[nodiscard]] pki::CrlPlan crl_plan(Run& run, const pki::CertificateView& issuer, const pki::Profile& issuer_profile, std::uint64_t number);
/// Whom the certificate of that request will name: a rehearsal says so in every name.
[[nodiscard]] pki::Name subject_of(const Run& run, const pki::CsrIntake& csr);
/// The time `years` after: the same day of the year where there is one.
[[nodiscard]] Time years_after(Time begin, int years);

}  // namespace ceremony::actions
