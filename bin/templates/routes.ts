import { commandRoutes } from '../../api/commands.ts';
import { gatewayRoutes } from '../../api/http/gateway-schema.ts';
import { operationRoutes } from '../../api/operations/operations.ts';
import { queryRoutes } from '../../api/queries.ts';
import type { ApiRoutes } from '../../lib/api/api-stack.ts';

/** All routes of the API, for API Gateway. */
export const routes: ApiRoutes = {
  command: gatewayRoutes(commandRoutes),
  query: gatewayRoutes(queryRoutes),
  operate: gatewayRoutes(operationRoutes),
};
