import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import { acknowledge } from '../shared/acknowledge.ts';
import type { ApiRoute } from '../shared/outline.ts';

interface MethodOptions {
  readonly integration: apigateway.Integration;
  readonly requestValidator: apigateway.IRequestValidator;
  /** Whether a request needs the key of a client, and counts towards the client's quota. */
  readonly apiKeyRequired: boolean;
}

/** Adds a method to the API. API Gateway checks parameters and body before it invokes the function. */
export function addMethod(api: apigateway.RestApi, route: ApiRoute, options: MethodOptions): void {
  const { method, path, auth } = route;
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [`method.request.path.${name}`, true] as const);
  const requestModels = requestModelsFor(api, route);
  const added = api.root.resourceForPath(path).addMethod(method, options.integration, {
    requestValidator: options.requestValidator,
    requestParameters: Object.fromEntries(parameters),
    apiKeyRequired: options.apiKeyRequired && auth !== false,
    ...(requestModels ? { requestModels } : {}),
    ...(auth === false ? { authorizationType: apigateway.AuthorizationType.NONE } : {}),
  });
  if (auth === false) {
    acknowledge(
      added,
      'AwsSolutions-APIG4',
      'Declared as open: it takes no input and answers nothing secret, so that load balancers and uptime checks can ask without AWS credentials. It is throttled with the rest of the stage.',
    );
  }
  acknowledge(
    added,
    'AwsSolutions-COG4',
    auth === false
      ? 'Declared as open, see AwsSolutions-APIG4 on this method; an authorizer would make a check of health depend on a user pool.'
      : 'Callers are agents and services, which have IAM roles and no passwords: the method is authorised by IAM (SigV4), which a user pool would only replace by longer-lived secrets.',
  );
}

/** Models for bodies in JSON. Other bodies have no model, and the function refuses them. */
function requestModelsFor(
  api: apigateway.RestApi,
  { name, schema }: ApiRoute,
): Record<string, apigateway.IModel> | undefined {
  if (!schema) return undefined;
  const modelName = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const model = api.addModel(`Model-${name}`, {
    modelName,
    contentType: 'application/json',
    schema: { schema: apigateway.JsonSchemaVersion.DRAFT4, ...schema },
  });
  return { 'application/json': model };
}
