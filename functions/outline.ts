import { writeFileSync } from 'node:fs';
import application from '#application';
import { commandRoutes } from '../api/commands.ts';
import { gatewaySchema } from '../api/http/gateway-schema.ts';
import type { RouteDeclaration } from '../api/http/route.ts';
import { operationRoutes } from '../api/operations/operations.ts';
import { queryRoutes } from '../api/queries.ts';
import { mcpRoutes } from '../api/tools.ts';
import { workRoutes } from '../api/work.ts';
import { isAnnals } from '../application/define-annals.ts';

// Writes what a deployment has to know of an application into the file of the first argument, as JSON: its routes and its sagas.

if (!isAnnals(application)) {
  throw new Error('the default export is no application; make it with defineAnnals({ ... })');
}

const routesOf = (routes: readonly RouteDeclaration[]) =>
  routes.map((route) => ({
    name: route.name,
    method: route.method,
    path: route.path,
    auth: route.auth,
    schema: gatewaySchema(route),
  }));

const outline = {
  routes: {
    command: routesOf(commandRoutes(application)),
    query: routesOf(queryRoutes(application)),
    operate: routesOf(operationRoutes),
    mcp: routesOf(mcpRoutes(application)),
    work: routesOf(workRoutes(application)),
  },
  sagas: application.sagas,
  eventSystem: application.eventSystem,
};
writeFileSync(process.argv[2] ?? '', JSON.stringify(outline));
