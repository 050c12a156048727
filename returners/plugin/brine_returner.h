/* A returner of your own for brine: a shared library that brine-master loads (kind: plugin).
 *
 * This header is all that a plug-in needs of brine: plain C, no other header of brine, no library to link with. Build a shared library that
 * exports brine_returner_plugin_v1(); tests/plugin_example/ in brine's sources is a whole one, with its CMakeLists.txt.
 *
 * Threads. All functions of a plug-in are called on one thread, one after the other, for each returner of the configuration that names it;
 * two returners with one library have two handles and two threads. They may block: nothing but this returner waits for them. Threads that a
 * plug-in starts have to end before close() returns: then the library is unloaded.
 *
 * Memory. What is handed to a plug-in belongs to brine and is valid until the function returns: copy what you keep. brine frees nothing
 * that a plug-in allocates, except through close().
 *
 * Errors. No function may let a C++ exception out, end the process, or change signal handlers or the locale. brine ends itself when a
 * plug-in crashes: it is part of the process, with all its rights.
 *
 * Compatibility. Within one version of the ABI nothing in this header changes. A later version has another number and another entry
 * point; brine says which it wants when a plug-in has none that it knows. */
#ifndef BRINE_RETURNER_H
#define BRINE_RETURNER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names as C has them. NOLINTBEGIN(readability-identifier-naming) */

#define BRINE_RETURNER_ABI_VERSION 1

enum brine_record_kind { BRINE_RETURN = 0, BRINE_EVENT = 1 };

/* One return or one event. Texts are UTF-8, end with a zero byte, and are never NULL: what a kind does not have is empty. */
typedef struct brine_record {
  int32_t kind; /* of enum brine_record_kind */
  int32_t retcode;
  int32_t success;      /* 1: the function ran and its retcode is 0 */
  int32_t late;         /* 1: the job's record had been forgotten before the return came */
  const char* json;     /* the whole record, one object on one line: docs/returners.md */
  size_t json_length;   /* bytes, without the zero */
  const char* jid;      /* of a return: the job, */
  const char* id;       /* the minion, */
  const char* fun;      /* and the function; empty when late */
  const char* event_id; /* of an event */
  const char* tag;
} brine_record;

/* What deliver() tells brine beside its result; made by brine, valid until deliver() returns. Call them on the thread of deliver(). */
typedef struct brine_delivery {
  void* context; /* the first argument of all */
  /* The backend will never take the record at this index, for what is in it: it counts as settled, and goes into brine's file of dead
   * letters. Only for indexes below the result of deliver(). */
  void (*refuse)(void* context, size_t index, const char* why);
  /* Why the others have to come again: shown to operators. The last call counts. */
  void (*away)(void* context, const char* why);
  /* 1 when brine wants to stop: come back soon. To be asked while waiting. */
  int (*stopping)(void* context);
} brine_delivery;

typedef struct brine_returner_plugin {
  uint32_t abi_version; /* BRINE_RETURNER_ABI_VERSION */

  /* settings_json: the `settings` of the configuration, a JSON object. Returns what the other functions get as handle. NULL: they are
   * wrong; the reason has been written to error (error_size bytes with the zero), and brine does not start. A backend that is away is no
   * reason: connect in deliver(). */
  void* (*open)(const char* settings_json, char* error, size_t error_size);

  /* Returns how many records, from the first on, need not come again: they are safe, or refused. Count a record only when the backend has
   * confirmed it. With less than count, say why with away(): brine waits and calls again, beginning with the first that is not settled.
   * count is at least 1. Return within 10 seconds or so. */
  size_t (*deliver)(void* handle, const brine_record* records, size_t count, const brine_delivery* delivery);

  /* The handle is not used any more. */
  void (*close)(void* handle);
} brine_returner_plugin;

#if defined(__GNUC__)
#define BRINE_RETURNER_EXPORT __attribute__((visibility("default")))
#else
#define BRINE_RETURNER_EXPORT
#endif

/* The entry point. The table lives as long as the library is loaded. */
BRINE_RETURNER_EXPORT const brine_returner_plugin* brine_returner_plugin_v1(void);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* BRINE_RETURNER_H */
