/* dialects/data_url.h: media in URLs: "data:image/png;base64,iVBOR…" (RFC 2397). Pure; nothing is decoded or copied
 * but where an URL is written. */
#ifndef WEIR_DIALECTS_DATA_URL_H
#define WEIR_DIALECTS_DATA_URL_H

#include "chat/part.h"

/* Fills in media's mime and data from a data: URL with base64, else its url. */
void media_from_url(struct chat_media *media, struct str url);
/* The media as an URL: its own, or a data: URL of its data. Empty: it is neither. default_mime where it has none. */
struct str media_to_url(const struct chat_media *media, struct str default_mime, struct arena *a);
/* "png" of "image/png", "mp3" of "audio/mpeg"; for formats that want only that. */
struct str media_subtype(struct str mime);

#endif
