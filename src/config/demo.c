/* config/demo.c: what the file would say:
 *     providers: { simulator: { kind: simulator } }
 *     models: { demo: { targets: [ { provider: simulator, model: demo } ] } } */
#include "config/demo.h"

#include "base/check.h"

void config_add_demo(struct config *fresh)
{
    require(fresh->providers.count == 0);
    struct arena *a = &fresh->_arena;
    struct config_provider *p = arena_new(a, struct config_provider);
    *p = (struct config_provider){.name = STR("simulator"),
                                  .kind = KIND_SIMULATOR,
                                  .is_built = true,
                                  .preset = STR("simulator"),
                                  .model = STR("demo"),
                                  .breaker = fresh->breaker,
                                  .cooldown = fresh->cooldown};
    fresh->providers.at = p;
    fresh->providers.count = 1;
    fresh->is_demo = true;
    map_put(&fresh->_providers_by_name, p->name, p);
    if (map_get(&fresh->_models_by_name, STR("demo"))) return;

    struct config_target *t = arena_new(a, struct config_target);
    *t = (struct config_target){.provider_name = p->name, .provider = p, .model = STR("demo"), .weight = 1};
    struct config_model *models = arena_new_array(a, struct config_model, fresh->models.count + 1);
    memcpy(models, fresh->models.at ? fresh->models.at : models, fresh->models.count * sizeof *models);
    struct config_model *demo = &models[fresh->models.count];
    *demo = fresh->model_defaults;
    demo->name = STR("demo");
    demo->targets.at = t;
    demo->targets.count = 1;
    fresh->models.at = models;
    fresh->models.count++;
    map_done(&fresh->_models_by_name);
    map_init(&fresh->_models_by_name);
    for (size_t i = 0; i < fresh->models.count; i++)
        map_put(&fresh->_models_by_name, models[i].name, &models[i]);
}
