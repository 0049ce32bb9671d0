import { unpackMysqld } from './unpack-program.js';

console.log(await unpackMysqld());
