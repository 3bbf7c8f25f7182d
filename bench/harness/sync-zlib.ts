import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

// Import this first. It makes compression synchronous, because compression in another thread takes real time, not virtual time.

zlib.deflateRaw = ((bytes: zlib.InputType, options: zlib.ZlibOptions, done: zlib.CompressCallback) =>
  done(null, zlib.deflateRawSync(bytes, options))) as typeof zlib.deflateRaw;
syncBuiltinESMExports();
