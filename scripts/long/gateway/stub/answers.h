#include <stddef.h>

enum { TOKENS = 64 };

typedef struct {
    char *bytes;
    size_t len, room;
    size_t ends[TOKENS + 1]; /* of a stream: where each token's bytes end, then the last ones */
} Answer;

/* What the body of a chat asks for; `large` says whose answer it is. */
const Answer *completion(const char *body, int *large);

int is_stream(const char *body);

/* Make `a` a response with this body. */
void plain(Answer *a, const char *status, const char *type, const char *body, size_t len);
