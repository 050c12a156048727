#include "job.capnp.h"
#include "wire/capnp_bytes.h"
#include "wire/job.h"

namespace brine::wire {

std::string encode(const Job& job) {
  const std::size_t size = 512 + job.function.size() + job.arguments.size() + job.target.size();
  return encode_root<schema::Job>(size, [&](schema::Job::Builder b) {
    b.setClusterRoot(data_of(job.cluster_root));
    b.setJid(text_of(job.jid.str()));
    b.setManifestEpoch(job.manifest_epoch);
    b.setSigner(data_of(job.signer));
    b.setFunction(text_of(job.function));
    b.setArguments(text_of(job.arguments));
    b.setTargetKind(text_of(job.target_kind));
    b.setTarget(text_of(job.target));
    b.setDelimiter(text_of(std::string(1, job.delimiter)));
    b.setExpectedRoot(data_of(job.expected_root));
    b.setExpectedCount(job.expected_count);
    b.setIssued(job.issued);
    b.setNotAfter(job.not_after);
    b.setTimeoutMs(static_cast<std::uint32_t>(job.timeout.count()));
  });
}

Result<Job> decode_job(std::string_view bytes) {
  return decode_root<schema::Job>(bytes, [](schema::Job::Reader r) -> Result<Job> {
    Job job;
    BRINE_LET(job.cluster_root, fixed(r.getClusterRoot(), 32, "the cluster root"));
    BRINE_LET(job.jid, JobId::parse(string_of(r.getJid())));
    job.manifest_epoch = r.getManifestEpoch();
    BRINE_LET(job.signer, fixed(r.getSigner(), 32, "the signer"));
    job.function = string_of(r.getFunction());
    job.arguments = string_of(r.getArguments());
    job.target_kind = string_of(r.getTargetKind());
    job.target = string_of(r.getTarget());
    if (r.getDelimiter().size() != 1) return fail(Code::kInvalid, "the delimiter is one character");
    job.delimiter = r.getDelimiter()[0];
    BRINE_LET(job.expected_root, fixed(r.getExpectedRoot(), 32, "the expected root"));
    job.expected_count = r.getExpectedCount();
    job.issued = r.getIssued();
    job.not_after = r.getNotAfter();
    job.timeout = milliseconds(r.getTimeoutMs());
    return job;
  });
}

std::string encode(const SignedJob& job) {
  return encode_root<schema::SignedJob>(job.job.size() + job.signature.size(), [&](schema::SignedJob::Builder b) {
    b.setJob(data_of(job.job));
    b.setSignature(data_of(job.signature));
  });
}

Result<SignedJob> decode_signed_job(std::string_view bytes) {
  return decode_root<schema::SignedJob>(bytes, [](schema::SignedJob::Reader r) -> Result<SignedJob> {
    SignedJob job;
    job.job = string_of(r.getJob());
    BRINE_LET(job.signature, fixed(r.getSignature(), 64, "the signature"));
    return job;
  });
}

}  // namespace brine::wire
