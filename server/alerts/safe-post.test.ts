import type { LookupFunction } from "node:net";
import { describe, expect, it } from "vitest";
import { useHookServer } from "../../test/harness/hook-server.ts";
import { isPublicAddress } from "./private-address.ts";
import { ForbiddenAddress, type PostOptions, safePost } from "./safe-post.ts";

const post = (url: string, options: PostOptions & { allowPrivate?: boolean } = {}) => {
  const { allowPrivate = false, ...rest } = options;
  return safePost({ url, headers: {}, body: "{}", allowPrivate }, rest);
};

describe("addresses", () => {
  it("ALR-13 those of the own machine and network, reserved ones, and those that stand for them are closed", () => {
    const closed =
      "0.0.0.0 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 192.0.0.8 192.0.2.1 " +
      "198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:7f00:1 ::127.0.0.1 " +
      "64:ff9b::7f00:1 64:ff9b:1::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 ff02::1 2001:db8::1 2002:7f00:1:: 2001::1 3fff::1 100::1 fec0::1 nonsense";
    for (const address of closed.split(" ")) expect(isPublicAddress(address), address).toBe(false);
  });

  it("ALR-13 those of the open internet are open", () => {
    const public_ = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 11.0.0.1 2606:4700:4700::1111 2a00:1450::1";
    for (const address of public_.split(" ")) expect(isPublicAddress(address), address).toBe(true);
  });

  it("ALR-13 nothing is posted to them, however they are spelled and whatever names lead there", async () => {
    const server = await useHookServer();
    const hosts =
      "127.0.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 127.1 127.0.0.1. 0 localhost LOCALHOST [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] %31%32%37.0.0.1 １２７.0.0.1";
    for (const host of hosts.split(" ")) {
      await expect(post(`http://${host}:${server.port}/`), host).rejects.toThrow(ForbiddenAddress);
      await expect(post(`https://${host}:${server.port}/`), host).rejects.toThrow(ForbiddenAddress);
    }
    expect(server.calls).toEqual([]);
  });

  it("ALR-13 of a name with several addresses, only open ones are tried; other schemes are refused; operators may allow all", async () => {
    const server = await useHookServer();
    const both: LookupFunction = (_name, _options, callback) => {
      callback(null, [
        { address: "10.0.0.1", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]);
    };
    expect(await post(`http://both.example:${server.port}/`, { resolve: both, isOpen: (one) => one === "127.0.0.1" })).toBe(204);
    await expect(post(`http://both.example:${server.port}/`, { resolve: both })).rejects.toThrow(ForbiddenAddress);
    for (const url of ["file:///etc/passwd", "ftp://1.1.1.1/", "gopher://1.1.1.1/", "data:,x"]) {
      await expect(post(url, { allowPrivate: true }), url).rejects.toThrow(ForbiddenAddress);
    }
    expect(await post(server.url, { allowPrivate: true })).toBe(204);
  });

  it("ALR-14 a name that leads elsewhere a moment later: it is asked once, and what it said then is connected to", async () => {
    const inside = await useHookServer(undefined, { host: "127.0.0.2" });
    const outside = await useHookServer(undefined, { host: "127.0.0.1", port: inside.port });
    let asked = 0;
    const rebinding: LookupFunction = (_name, _options, callback) => {
      callback(null, [{ address: asked++ === 0 ? "127.0.0.1" : "127.0.0.2", family: 4 }]);
    };
    const isOpen = (address: string) => address === "127.0.0.1";
    expect(await post(`http://turning.example:${inside.port}/`, { resolve: rebinding, isOpen })).toBe(204);
    expect(asked).toBe(1);
    await expect(post(`http://turning.example:${inside.port}/`, { resolve: rebinding, isOpen })).rejects.toThrow(
      ForbiddenAddress,
    );
    expect([outside.calls.length, inside.calls.length]).toEqual([1, 0]);
  });
});

describe("answers", () => {
  it("ALR-15 redirects are not followed", async () => {
    const target = await useHookServer();
    for (const status of [301, 302, 303, 307, 308]) {
      const server = await useHookServer((response) => void response.writeHead(status, { Location: target.url }).end());
      expect(await post(server.url, { allowPrivate: true })).toBe(status);
    }
    expect(target.calls).toEqual([]);
  });

  it("ALR-15 one that never comes, or drips, ends in time", async () => {
    const silent = await useHookServer(() => undefined);
    await expect(post(silent.url, { allowPrivate: true, timeoutMs: 200 })).rejects.toThrow("did not answer in time");
    let timer: NodeJS.Timeout | undefined;
    const dripping = await useHookServer((response) => {
      response.writeHead(200);
      timer = setInterval(() => response.write("."), 10);
    });
    await expect(post(dripping.url, { allowPrivate: true, timeoutMs: 200 })).rejects.toThrow("did not answer in time");
    clearInterval(timer);
  });

  it("ALR-15 one without an end is cut off", async () => {
    let sentBytes = 0;
    const endless = await useHookServer((response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write("x".repeat(16_384))) sentBytes += 16_384;
      };
      response.on("drain", pour);
      pour();
    });
    expect(await post(endless.url, { allowPrivate: true })).toBe(200);
    expect(sentBytes).toBeLessThan(20_000_000);
  });
});
