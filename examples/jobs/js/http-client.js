// HTTP for a component in JavaScript, over `wasi:sockets`: waits without stopping the other calls.
//
// The JavaScript tool cannot import `wasi:http` yet. So this speaks HTTP/1.0 itself, which ends an answer
// by closing: no TLS, one connection a request, and the component sees the secrets that it sends.

import lookup from "wasi:sockets/ip-name-lookup@0.3.0";
import sockets from "wasi:sockets/types@0.3.0";

// The longest answer that is read: a few of them fit into an instance.
const LONGEST = 8 << 20;

/// Status and text of the answer. Throws `unavailable`, or `denied` where a grant is missing.
export async function request(method, url, headers = {}, body = "") {
  const parts = /^http:\/\/([^/?#:]+)(?::(\d+))?([^#]*)/.exec(url);
  if (parts === null) throw { tag: "unsupported", val: `${url}: only http:// can be reached from JavaScript` };
  const [, host, port = "80", path] = parts;
  const content = bytes(body);
  const lines = [
    `${method} ${path || "/"} HTTP/1.0`,
    `host: ${host}:${port}`,
    `content-length: ${content.length}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  if (lines.some((line) => /[\r\n]/.test(line))) throw { tag: "internal", val: "a header has more than one line" };
  try {
    const said = await exchange(host, Number(port), [bytes(lines.join("\r\n") + "\r\n\r\n"), content]);
    const [, status, text] = /^HTTP\/1\.\d (\d{3})[^]*?\r\n\r\n([^]*)$/.exec(said) ?? [];
    if (status === undefined) throw { tag: "unavailable", val: [`${host}:${port} does not speak HTTP`, null] };
    return [Number(status), decodeURIComponent(escape(text))];
  } catch (error) {
    const code = error?.payload;
    if (code === undefined) throw error;
    if (code.tag === "access-denied") throw { tag: "denied", val: `tcp ${host}:${port} is not granted` };
    throw { tag: "unavailable", val: [`${host}:${port}: ${code.tag}`, null] };
  }
}

/// All that the peer says until it closes, each byte a character.
async function exchange(host, port, chunks) {
  const [{ tag, val: address }] = await lookup.resolveAddresses(host);
  const socket = sockets.TcpSocket.create(tag);
  const v6 = tag === "ipv6" ? { flowInfo: 0, scopeId: 0 } : {};
  await socket.connect({ tag, val: { port, address, ...v6 } });
  const sent = socket.send(chunks);
  const [stream, received] = socket.receive();
  let said = "";
  for await (const chunk of stream) {
    said += Array.from(chunk, (byte) => String.fromCharCode(byte)).join("");
    if (said.length > LONGEST) throw { tag: "internal", val: `${host} answers more than ${LONGEST} bytes` };
  }
  for (const future of [sent, received]) future.drop();
  return said;
}

// There is no TextEncoder: UTF-8 by way of the escapes of a URL.
const bytes = (text) => Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));
