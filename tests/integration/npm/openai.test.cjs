/* OpenAI's own client for JavaScript in front of Weir. test_sdk_npm.py starts it with
 *   WEIR_NODE     the folder with node_modules
 *   WEIR_URL      a Weir in front of a simulator; key sk-alice
 *   WEIR_REPLAYS  {provider: URL of a Weir in front of its recordings}; {} without recordings
 *   WEIR_CASES    a file: {provider: [{name, endpoint, request, events or reply, status}]}
 * Each test() here is one test there, so names stand on the line of the call, in single quotes. */
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const from = require('node:module').createRequire(path.join(process.env.WEIR_NODE, 'package.json'));
const OpenAI = from('openai');
const {zodResponseFormat} = from('openai/helpers/zod');
const {z} = from('zod');

const {WEIR_URL, WEIR_NOBODY, WEIR_CASES} = process.env;
const replays = JSON.parse(process.env.WEIR_REPLAYS);
const cases = JSON.parse(fs.readFileSync(WEIR_CASES, 'utf8'));
const slow = Number(process.env.WEIR_TEST_SHRINK || 1);
const connect = (baseURL, more) =>
  new OpenAI({baseURL, apiKey: 'sk-alice', maxRetries: 0, timeout: 10000 * slow, ...more});
const client = connect(WEIR_URL + '/v1');
const messages = [{role: 'user', content: 'Hello there'}];
const hello = {model: 'simulated', messages};
const simulate = (words) => ({headers: {'X-Simulate': words}});
const chat = (more, options) => client.chat.completions.create({...hello, ...more}, options);

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
const text = (chunks) => chunks.map((c) => c.choices[0]?.delta?.content ?? '').join('');

async function failure(promise, kind) {
  const error = await promise.then(() => assert.fail('it did not fail'), (e) => e);
  assert.equal(error.constructor, kind, String(error));
  return error;
}

test('chat plain and streamed say the same', async () => {
  const plain = await chat();
  assert.match(plain.choices[0].message.content, /simulated reply/);
  assert.equal(plain.usage.total_tokens, plain.usage.prompt_tokens + plain.usage.completion_tokens);
  const chunks = await all(await chat({stream: true}));
  assert.equal(text(chunks), plain.choices[0].message.content);
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test('usage of a stream comes only to who asked', async () => {
  assert.ok((await all(await chat({stream: true}))).every((c) => c.choices.length === 1 && !c.usage));
  const chunks = await all(await chat({stream: true, stream_options: {include_usage: true}}));
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.total_tokens > 0);
});

test('many at once', async () => {
  const said = (i) => [{role: 'user', content: `number ${i} äöü 🙂`}];
  const got = await Promise.all(Array.from({length: 50}, async (_, i) =>
    text(await all(await client.chat.completions.create({model: 'echo', messages: said(i), stream: true})))));
  got.forEach((s, i) => assert.equal(s, `number ${i} äöü 🙂`));
});

test('the stream helper', async () => {
  const kinds = {};
  const stream = client.chat.completions.stream(hello);
  for (const kind of ['content', 'chunk', 'finalContent']) stream.on(kind, () => (kinds[kind] = (kinds[kind] ?? 0) + 1));
  const final = await stream.finalChatCompletion();
  assert.match(final.choices[0].message.content, /^This is a simulated reply/);
  await stream.done();
  assert.ok(kinds.content > 3 && kinds.chunk > kinds.content && kinds.finalContent === 1);
});

test('a stream can be left', async () => {
  const stream = await chat({stream: true}, simulate('stall'));
  for await (const chunk of stream) {
    assert.ok(chunk.choices);
    break;
  }
  assert.ok(stream.controller.signal.aborted);
});

const weather = {type: 'function', function: {name: 'get_weather', parameters: {
  type: 'object', properties: {city: {type: 'string'}, unit: {enum: ['celsius', 'kelvin']}},
  required: ['city', 'unit']}}};

test('tools plain and streamed', async () => {
  const plain = await chat({tools: [weather], tool_choice: 'required'});
  const call = plain.choices[0].message.tool_calls[0];
  assert.equal(plain.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(JSON.parse(call.function.arguments), {city: 'simulated', unit: 'celsius'});
  const stream = client.chat.completions.stream({...hello, tools: [weather], tool_choice: 'required'});
  const streamed = (await stream.finalChatCompletion()).choices[0].message.tool_calls[0];
  assert.equal(streamed.function.arguments, call.function.arguments);
});

test('tools are run by the client', async () => {
  const asked = [];
  const answer = (a) => asked.push(a) && '21';
  const tool = {type: 'function', function: {...weather.function, parse: JSON.parse, function: answer}};
  const runner = client.chat.completions.runTools({
    ...hello, tools: [tool], tool_choice: {type: 'function', function: {name: 'get_weather'}}});
  await runner.done();
  assert.deepEqual(asked, [{city: 'simulated', unit: 'celsius'}]);
});

test('structured output by a zod schema', async () => {
  const recipe = z.object({name: z.string(), steps: z.array(z.object({text: z.string(), minutes: z.number().int()})),
                           source: z.string().nullable()});
  const response_format = zodResponseFormat(recipe, 'recipe');
  const got = (await client.chat.completions.parse({...hello, response_format})).choices[0].message.parsed;
  assert.equal(got.name, 'simulated');
  const stream = client.chat.completions.stream({...hello, response_format});
  assert.deepEqual((await stream.finalChatCompletion()).choices[0].message.parsed, got);
});

test('embeddings by base64 and by number agree', async () => {
  const asked = {model: 'text-embedding-3-small', input: ['one', 'two'], dimensions: 64};
  const binary = await client.embeddings.create(asked);
  const floats = await client.embeddings.create({...asked, encoding_format: 'float'});
  binary.data.forEach((d, i) => {
    assert.equal(d.embedding.length, 64);
    d.embedding.forEach((x, k) => assert.ok(Math.abs(x - floats.data[i].embedding[k]) < 1e-6));
  });
});

test('completions moderations and models', async () => {
  const plain = await client.completions.create({model: 'simulated', prompt: 'x'});
  const chunks = await all(await client.completions.create({model: 'simulated', prompt: 'x', stream: true}));
  assert.equal(chunks.map((c) => c.choices[0].text).join(''), plain.choices[0].text);
  assert.equal((await client.moderations.create({input: 'x'})).results[0].flagged, false);
  const ids = (await all(client.models.list())).map((m) => m.id);
  assert.ok(ids.includes('echo') && ids.includes('one/demo'));
  assert.equal((await client.models.retrieve('one/demo')).owned_by, 'one');
  const error = await failure(client.models.retrieve('nothing'), OpenAI.NotFoundError);
  assert.equal(error.code, 'model_not_found');
});

test('headers of the contract', async () => {
  const {data, response, request_id} = await chat({}, {headers: {'X-Correlation-ID': 'my-id'}}).withResponse();
  assert.equal(response.headers.get('x-weir-provider'), 'one');
  assert.equal(response.headers.get('x-weir-attempts'), '1');
  assert.equal(response.headers.get('x-correlation-id'), 'my-id');
  assert.match(request_id, /^req_/);
  assert.equal(data._request_id, request_id);
});

test('errors have their classes', async () => {
  const stranger = connect(WEIR_URL + '/v1', {apiKey: 'sk-x'});
  const wrong = await failure(stranger.chat.completions.create(hello), OpenAI.AuthenticationError);
  assert.equal(wrong.code, 'invalid_api_key');
  const unknown = await failure(chat({model: 'nothing'}), OpenAI.NotFoundError);
  assert.deepEqual([unknown.code, unknown.param, unknown.type], ['model_not_found', 'model', 'invalid_request_error']);
  assert.equal((await failure(chat({model: 5}), OpenAI.BadRequestError)).param, 'model');
  for (const [said, status, kind] of [
    [400, 400, OpenAI.BadRequestError], [422, 422, OpenAI.UnprocessableEntityError], [429, 429, OpenAI.RateLimitError],
    [401, 502, OpenAI.InternalServerError], [403, 502, OpenAI.InternalServerError],
    [500, 502, OpenAI.InternalServerError], [503, 503, OpenAI.InternalServerError]])
    for (const stream of [false, true]) {
      const error = await failure(chat({stream}, simulate(`error=${said},retry-after=2`)), kind);
      assert.equal(error.status, status);
      assert.match(error.message, said === status && status < 429 ? /Simulated error/ : /All LLM providers failed/);
      if (status === 429) assert.equal(error.headers.get('retry-after'), '2');
    }
  assert.equal((await failure(chat({}, simulate('malformed')), OpenAI.InternalServerError)).code, 'upstream_error');
});

test('a broken stream is an error after its content', async () => {
  for (const words of ['error-event', 'cut', 'malformed']) {
    let said = '';
    const error = await failure((async () => {
      for await (const chunk of await chat({stream: true}, simulate(words)))
        said += chunk.choices[0].delta.content ?? '';
    })(), OpenAI.APIError);
    assert.match(said, /^This is a simulated/);
    assert.equal(error.type, 'server_error');
  }
});

test('timeouts and dead ends', async () => {
  await failure(chat({}, {...simulate('delay=60000'), timeout: 200}), OpenAI.APIConnectionTimeoutError);
  await failure(connect(WEIR_NOBODY).chat.completions.create(hello), OpenAI.APIConnectionError);
});

test('base URLs that people write', async () => {
  for (const end of ['', '/', '/v1', '/v1/'])
    assert.ok((await connect(WEIR_URL + end).chat.completions.create(hello)).choices);
  const error = await failure(connect(WEIR_URL + '/v1/v1').chat.completions.create(hello), OpenAI.NotFoundError);
  assert.match(error.message, /\/v1 twice/);
});

/* ---- recorded answers ---- */

async function ask(client, {name, endpoint, request}) {
  const body = JSON.parse(request);
  const call = {
    '/chat/completions': (b, o) => client.chat.completions.create(b, o),
    '/completions': (b, o) => client.completions.create(b, o),
    '/embeddings': (b, o) => client.embeddings.create({encoding_format: 'float', ...b}, o),
    '/moderations': (b, o) => client.moderations.create(b, o)}[endpoint];
  const got = await call(body, {headers: {'X-Case': name}});
  return body.stream ? await all(got) : got;
}

async function judge(provider) {
  const client = connect(replays[provider] + '/v1');
  let count = 0;
  for (const c of cases[provider]) {
    count++;
    if (c.status === 400) {
      const error = await failure(ask(client, c), OpenAI.BadRequestError);
      assert.deepEqual(error.error, JSON.parse(c.reply).error, c.name);
    } else {
      const wanted = c.events ? c.events.map((e) => JSON.parse(e)) : JSON.parse(c.reply);
      assert.deepEqual(JSON.parse(JSON.stringify(await ask(client, c))), wanted, c.name);
    }
  }
  assert.ok(count > 0);
}

const recorded = (provider) => ({skip: replays[provider] ? false : 'there are no recordings'});
test('recorded answers of openai', recorded('openai'), () => judge('openai'));
test('recorded answers of groq', recorded('groq'), () => judge('groq'));
test('recorded answers of openrouter', recorded('openrouter'), () => judge('openrouter'));
test('recorded answers of together', recorded('together'), () => judge('together'));
test('recorded answers of mistral', recorded('mistral'), () => judge('mistral'));
test('recorded answers of deepseek', recorded('deepseek'), () => judge('deepseek'));
