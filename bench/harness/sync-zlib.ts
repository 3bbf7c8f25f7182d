import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

// Import this first. Compression by another thread takes real time, of which virtual time knows nothing; here it is done at once.

zlib.deflateRaw = ((bytes: zlib.InputType, options: zlib.ZlibOptions, done: zlib.CompressCallback) =>
  done(null, zlib.deflateRawSync(bytes, options))) as typeof zlib.deflateRaw;
syncBuiltinESMExports();
