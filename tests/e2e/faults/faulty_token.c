// SoftHSM2 as a token that can fail: mounted over the module for one run, it forwards every call and, at the n-th call of one
// function, does what FAULT says. FAULT is "FUNCTION N HOW"; HOW is removed, full, wrong-pin, locked, garbled (the signature is not
// one) or killed (the power goes when the signature is made); "flags final" has the token warn of its last PIN try, "random stuck"
// gives one byte for each random one. Calls that change or sign are appended to FAULT_LOG before they are forwarded.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST ours;
static CK_FUNCTION_LIST *real;
static int gone;

static int due(const char *function, const char *how) {
  static int calls;
  char wanted[64], act[32];
  int at;
  const char *fault = getenv("FAULT");
  if (fault == NULL || sscanf(fault, "%63s %d %31s", wanted, &at, act) != 3) return 0;
  if (strcmp(wanted, function) != 0 || strcmp(act, how) != 0) return 0;
  return ++calls == at;
}

static void note(const char *function) {
  const char *log = getenv("FAULT_LOG");
  char line[80];
  int fd = log == NULL ? -1 : open(log, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (fd < 0) return;
  int length = snprintf(line, sizeof line, "%s\n", function);
  if (write(fd, line, (size_t)length) != length) abort();
  close(fd);
}

// Pulled out, a token answers nothing any more.
#define WHILE_IN            \
  if (gone) return CKR_DEVICE_REMOVED
#define MAY_GO(function)    \
  WHILE_IN;                 \
  if (due(function, "removed")) return gone = 1, CKR_DEVICE_REMOVED

static CK_RV sign(CK_SESSION_HANDLE s, unsigned char *data, unsigned long n, unsigned char *out, unsigned long *size) {
  MAY_GO("C_Sign");
  if (out != NULL) note("C_Sign");
  int garbled = out != NULL && due("C_Sign", "garbled");
  int killed = out != NULL && due("C_Sign", "killed");
  CK_RV rv = real->C_Sign(s, data, n, out, size);
  if (killed) kill(getpid(), SIGKILL);
  if (garbled && rv == CKR_OK) out[0] ^= 1;
  return rv;
}
static CK_RV generate(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *pub, unsigned long np, CK_ATTRIBUTE *priv, unsigned long nq,
                      CK_OBJECT_HANDLE *a, CK_OBJECT_HANDLE *b) {
  MAY_GO("C_GenerateKeyPair");
  if (due("C_GenerateKeyPair", "full")) return CKR_DEVICE_MEMORY;
  note("C_GenerateKeyPair");
  return real->C_GenerateKeyPair(s, m, pub, np, priv, nq, a, b);
}
static CK_RV create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, unsigned long n, CK_OBJECT_HANDLE *out) {
  MAY_GO("C_CreateObject");
  if (due("C_CreateObject", "full")) return CKR_DEVICE_MEMORY;
  return real->C_CreateObject(s, t, n, out);
}
static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE who, unsigned char *pin, unsigned long n) {
  MAY_GO("C_Login");
  note("C_Login");
  if (due("C_Login", "locked")) return CKR_PIN_LOCKED;
  if (due("C_Login", "wrong-pin")) {
    unsigned char other[256];
    if (n == 0 || n > sizeof other) return CKR_PIN_LEN_RANGE;
    memset(other, 'x', n);
    return real->C_Login(s, who, other, n);
  }
  return real->C_Login(s, who, pin, n);
}
static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
  if (gone) return CKR_TOKEN_NOT_PRESENT;
  CK_RV rv = real->C_GetTokenInfo(slot, info);
  const char *fault = getenv("FAULT");
  if (rv == CKR_OK && fault != NULL && strcmp(fault, "flags final") == 0 && (info->flags & CKF_TOKEN_INITIALIZED))
    info->flags |= CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY;
  return rv;
}
static CK_RV random_bytes(CK_SESSION_HANDLE s, unsigned char *out, unsigned long n) {
  WHILE_IN;
  note("C_GenerateRandom");
  const char *fault = getenv("FAULT");
  if (fault == NULL || strcmp(fault, "random stuck") != 0) return real->C_GenerateRandom(s, out, n);
  memset(out, 0x5a, n);
  return CKR_OK;
}
static CK_RV session_info(CK_SESSION_HANDLE s, CK_SESSION_INFO *info) {
  WHILE_IN;
  return real->C_GetSessionInfo(s, info);
}
static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *s) {
  if (gone) return CKR_TOKEN_NOT_PRESENT;
  return real->C_OpenSession(slot, flags, app, notify, s);
}
static CK_RV find(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, unsigned long n) {
  WHILE_IN;
  return real->C_FindObjectsInit(s, t, n);
}
static CK_RV logout(CK_SESSION_HANDLE s) {
  WHILE_IN;
  note("C_Logout");
  return real->C_Logout(s);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
  if (real == NULL) {
    void *module = dlopen(getenv("REAL_MODULE"), RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) return CKR_GENERAL_ERROR;
    CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
    ours = *real;
    ours.C_Sign = sign;
    ours.C_GenerateKeyPair = generate;
    ours.C_CreateObject = create;
    ours.C_Login = login;
    ours.C_GetTokenInfo = token_info;
    ours.C_GetSessionInfo = session_info;
    ours.C_OpenSession = open_session;
    ours.C_FindObjectsInit = find;
    ours.C_Logout = logout;
    ours.C_GenerateRandom = random_bytes;
  }
  *list = &ours;
  return CKR_OK;
}
