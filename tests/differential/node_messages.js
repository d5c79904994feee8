// tests/differential/node_messages.js: Node's parser (llhttp, without any of its lenient flags) as a program that reads
// and answers what weir_messages.c reads and answers. It uses the parser beneath the module `http`, because a server
// over sockets could not say where a message ends.
'use strict';
const { HTTPParser, allMethods } = process.binding('http_parser');
const MAX_HEAD_BYTES = 65536;

const hex = (text) => Buffer.from(text, 'latin1').toString('hex');

function read(kind, bytes) {
  const parser = new HTTPParser();
  const isRequest = kind === 'Q';
  parser.initialize(isRequest ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, MAX_HEAD_BYTES, HTTPParser.kLenientNone);
  const messages = [];
  let now = null, early = [], url = '', isOver = false;
  parser[HTTPParser.kOnMessageBegin] = () => {
    now = null;
    early = [];
    url = '';
  };
  parser[HTTPParser.kOnHeaders] = (headers, part) => { // what was too much for one table, and trailers
    if (now === null) early.push(...headers);
    url += part;
  };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, headers, method, target, status, reason, upgrade, keeps) => {
    if (isOver) return 0;
    const all = early.concat(headers || []), pairs = [];
    for (let i = 0; i < all.length; i += 2) pairs.push([hex(all[i]), hex(all[i + 1])]);
    now = {
      line: isRequest ? [hex(allMethods[method] || ''), hex(url + (target || ''))] : [String(status), ''],
      version: major * 10 + minor, minor, headers: pairs, body: [], complete: false, close: !keeps,
      status,
    };
    messages.push(now);
    return kind === 'H' && status >= 200 ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (piece) => { if (!isOver) now.body.push(piece.toString('hex')); };
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (isOver) return;
    now.complete = true;
    if (isRequest ? now.close : now.status >= 200) isOver = true;
  };
  const piece = Buffer.from(bytes);
  let at = 0, failed = null;
  while (at < piece.length && !isOver) {
    const taken = parser.execute(piece.subarray(at));
    if (taken instanceof Error) failed = taken;
    if (!failed && taken === 0) failed = { code: 'PAUSED' };
    if (failed) break;
    at += taken; // less than all after a request that asks for another protocol: nobody here speaks one
  }
  if (!failed && !isOver && !isRequest) {
    const last = parser.finish();
    if (last instanceof Error && last.code !== 'HPE_INVALID_EOF_STATE') failed = last;
  }
  const last = messages[messages.length - 1];
  const end = isOver ? 'closed' : failed ? 'bad' : last && !last.complete ? 'more' : 'clean';
  return { messages, end, why: end === 'bad' ? failed.code : '' };
}

let rest = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
  const answers = [];
  let at = 0;
  while (rest.length - at >= 5) {
    const bytes = rest.readUInt32LE(at + 1);
    if (rest.length - at - 5 < bytes) break;
    answers.push(JSON.stringify(read(String.fromCharCode(rest[at]), rest.subarray(at + 5, at + 5 + bytes))), '\n');
    at += 5 + bytes;
  }
  rest = rest.subarray(at);
  if (answers.length) process.stdout.write(answers.join(''));
});
