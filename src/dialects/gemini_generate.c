/* dialects/gemini_generate.c: Gemini's generateContent and streamGenerateContent
 * (https://ai.google.dev/api/generate-content), as the Gemini API and Vertex speak it. The row; what it does is in the
 * other files of gemini.h. */
#include "dialects/gemini.h"

const struct dialect dialect_gemini = {
    .name = "gemini",
    .format = CHAT_FORMAT_GEMINI,
    .same = &gemini_same,
    .read_request = gemini_read_request,
    .write_reply = gemini_write_reply,
    .open_writer = gemini_open_writer,
    .write_event = gemini_write_event,
    .close_writer = gemini_close_writer,
    .write_error = gemini_write_error,
    .write_error_event = gemini_write_error_event,
    .keepalive = STR_INIT("\n"),
    .write_request = gemini_write_request,
    .read_reply = gemini_read_reply,
    .open_reader = gemini_open_reader,
    .read_event = gemini_read_event,
    .read_end = gemini_read_end,
    .close_reader = gemini_close_reader,
    .classify = gemini_classify,
};
