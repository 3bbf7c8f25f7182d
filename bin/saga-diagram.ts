#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import application from '#application';
import { drawDeclaration, drawMachine } from './saga-diagram/draw.ts';
import { insertDiagrams } from './saga-diagram/page.ts';

const { sagas } = application;

// `npm run saga:diagram`: draws the declaration and the state machine of each saga into docs/sagas.md.

const page = fileURLToPath(new URL('../docs/sagas.md', import.meta.url));
const drawn = sagas.map((saga) => ({ saga, declared: drawDeclaration(saga), compiled: drawMachine(saga) }));
writeFileSync(page, insertDiagrams(readFileSync(page, 'utf8'), drawn));
console.log(`${drawn.length} sagas drawn into ${page}`);
