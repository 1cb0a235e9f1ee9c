// gRPC peers of the test: `peer.js serve` prints its port; `peer.js call PORT CA` makes every kind of call through the gateway and prints one JSON line
// a call. Messages are plain bytes.
'use strict';
const fs = require('fs');
const path = require('path');
const grpc = require(path.join(process.env.GRPC_MODULES, '@grpc/grpc-js'));

const bytes = {serialize: (value) => value, deserialize: (value) => value};
const method = (name, requestStream, responseStream) => ({
  path: `/test.Echo/${name}`, requestStream, responseStream, requestSerialize: bytes.serialize, requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize, responseDeserialize: bytes.deserialize,
});
const service = {
  unary: method('Unary', false, false), fail: method('Fail', false, false), never: method('Never', false, false),
  gather: method('Gather', false, false), down: method('Down', false, true), up: method('Up', true, false), both: method('Both', true, true),
};

function serve() {
  const server = new grpc.Server();
  let cancelled = 0;
  const gathered = [];
  server.addService(service, {
    unary: (call, done) => {
      const trailer = new grpc.Metadata();
      trailer.set('x-trailer', 'seen');
      done(null, Buffer.from(`cancelled=${cancelled} ` + call.request.toString()), trailer);
    },
    fail: (call, done) => done({code: grpc.status.FAILED_PRECONDITION, details: 'not today, 100 %'}),
    // Answers when as many calls as each asks for wait here at the same time: with the connection that it came by.
    gather: (call, done) => {
      gathered.push(() => done(null, Buffer.from(call.getPeer())));
      if (gathered.length === Number(call.request.toString())) gathered.splice(0).forEach((answer) => answer());
    },
    never: (call) => call.on('cancelled', () => { cancelled++; }),
    down: (call) => { for (let i = 0; i < 100; i++) call.write(Buffer.alloc(10000, i)); call.end(); },
    up: (call, done) => { let size = 0; call.on('data', (part) => { size += part.length; }); call.on('end', () => done(null, Buffer.from(String(size)))); },
    both: (call) => { call.on('data', (part) => call.write(part)); call.on('end', () => call.end()); },
  });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => console.log(port));
}

async function call(port, authority) {
  const Client = grpc.makeGenericClientConstructor(service, 'Echo');
  const client = new Client(`localhost:${port}`, grpc.credentials.createSsl(fs.readFileSync(authority)));
  const tell = (name, value) => console.log(JSON.stringify({name, ...value}));
  const unary = (name, body, options = {}) => new Promise((resolve) => {
    let answer = null;
    const running = client[name](Buffer.from(body), new grpc.Metadata(), options, (error, value) => { answer = value ? value.toString() : null; });
    running.on('status', (status) => setImmediate(() => resolve(
        {code: status.code, details: status.details === 'OK' ? '' : status.details, answer, trailer: status.metadata.get('x-trailer')[0] || null})));
    if (options.cancelAfter) setTimeout(() => running.cancel(), options.cancelAfter);
  });
  tell('unary', await unary('unary', 'hello'));
  tell('fail', await unary('fail', ''));
  tell('deadline', await unary('never', '', {deadline: Date.now() + 300}));
  tell('cancel', await unary('never', '', {cancelAfter: 200}));
  const many = await Promise.all(Array.from({length: 80}, () => unary('gather', '80')));
  tell('many', {codes: [...new Set(many.map((one) => one.code))], connections: [...new Set(many.map((one) => one.answer))].length});
  tell('down', await new Promise((resolve) => {
    let size = 0;
    const stream = client.down(Buffer.from(''));
    stream.on('data', (part) => { size += part.length; });
    stream.on('status', (status) => resolve({code: status.code, size}));
    stream.on('error', () => {});
  }));
  tell('up', await new Promise((resolve) => {
    const stream = client.up((error, answer) => resolve({code: error ? error.code : 0, answer: answer ? answer.toString() : null}));
    for (let i = 0; i < 100; i++) stream.write(Buffer.alloc(10000, i));
    stream.end();
  }));
  tell('both', await new Promise((resolve) => {
    // Each message is sent when the one before came back: both directions must flow at once.
    let turns = 0;
    const stream = client.both();
    stream.on('data', () => { if (++turns < 50) stream.write(Buffer.from('ping')); else stream.end(); });
    stream.on('status', (status) => resolve({code: status.code, turns}));
    stream.on('error', () => {});
    stream.write(Buffer.from('ping'));
  }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  tell('after', await unary('unary', 'again'));
  client.close();
}

if (process.argv[2] === 'serve') serve(); else call(process.argv[3], process.argv[4]);
